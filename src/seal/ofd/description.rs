//! The descriptions of signatures in a document: `OFD.xml`, `Signatures.xml`, `Signature.xml` (GB/T 33190 §18).

use super::{
    package::Package,
    xml::{Element, MAX_XML_BYTES},
};

/// The document's first file.
const OFD_XML: &str = "OFD.xml";
/// The most signatures of a document: one for each office that a document passes.
const MAX_SIGNATURES: usize = 64;

/// A signature as `Signatures.xml` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// The path of its description.
    pub(super) path: String,
    /// Whether it was made with a seal; otherwise it is a plain digital signature.
    pub(super) has_seal: bool,
}

/// What a document says of its signatures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Overview {
    pub(super) signatures: Vec<Listed>,
    /// The files that any signing changes, which no signature can protect: the lists.
    pub(super) lists: Vec<String>,
    /// The files that lead to everything that is shown.
    pub(super) roots: Vec<String>,
}

impl Overview {
    /// Reads what `OFD.xml` and the lists say.
    ///
    /// # Errors
    /// In words what is not as it should be.
    pub(super) fn read(package: &mut Package<'_>) -> Result<Self, String> {
        let mut overview = Self::default();
        let ofd = root_of(package, OFD_XML, "OFD")?;
        for body in ofd.all("DocBody") {
            let root = body.child("DocRoot").ok_or("OFD.xml has a DocBody without a DocRoot")?;
            overview.roots.push(package.resolve(root.text(), OFD_XML)?);
            let Some(list) = body.child("Signatures") else { continue };
            let list = package.resolve(list.text(), OFD_XML)?;
            for signature in root_of(package, &list, "Signatures")?.all("Signature") {
                let location =
                    signature.attribute("BaseLoc").ok_or_else(|| format!("{list} has a Signature without BaseLoc"))?;
                overview.signatures.push(Listed {
                    path: package.resolve(location, &list)?,
                    has_seal: signature.attribute("Type").unwrap_or("Seal") == "Seal",
                });
                if overview.signatures.len() > MAX_SIGNATURES {
                    return Err(format!("it has more than {MAX_SIGNATURES} signatures"));
                }
            }
            overview.lists.push(list);
        }
        Ok(overview)
    }
}

/// A protected file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Where it is, as written.
    pub(super) location: String,
    /// The hash it should have, in base64.
    pub(super) check_value: String,
}

/// A description of one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    /// The hash of the references, by object identifier or name.
    pub(super) check_method: String,
    pub(super) references: Vec<Reference>,
    /// The path of the seal's own file, where there is one.
    pub(super) seal: Option<String>,
    /// The path of the signature itself.
    pub(super) signed_value: String,
}

impl Description {
    /// Reads the description at a path.
    ///
    /// # Errors
    /// In words what is not as it should be.
    pub(super) fn read(package: &mut Package<'_>, path: &str) -> Result<Self, String> {
        let root = root_of(package, path, "Signature")?;
        let missing = |what: &str| format!("{path} has no {what}");
        let info = root.child("SignedInfo").ok_or_else(|| missing("SignedInfo"))?;
        let references = info.child("References").ok_or_else(|| missing("References"))?;
        let one = |reference: &Element| {
            let location = reference.attribute("FileRef").ok_or_else(|| missing("FileRef in a Reference"))?;
            let value = reference.child("CheckValue").ok_or_else(|| missing("CheckValue in a Reference"))?;
            Ok(Reference { location: location.to_owned(), check_value: value.text().to_owned() })
        };
        let seal = info.child("Seal").and_then(|seal| seal.child("BaseLoc"));
        let signed_value = root.child("SignedValue").ok_or_else(|| missing("SignedValue"))?;
        Ok(Self {
            // The standard's default is MD5, which nobody should trust.
            check_method: references.attribute("CheckMethod").unwrap_or("MD5").to_owned(),
            references: references.all("Reference").map(one).collect::<Result<_, String>>()?,
            seal: seal.map(|seal| package.resolve(seal.text(), path)).transpose()?,
            signed_value: package.resolve(signed_value.text(), path)?,
        })
    }
}

fn root_of(package: &mut Package<'_>, path: &str, name: &str) -> Result<Element, String> {
    let root = Element::parse(&package.read(path, MAX_XML_BYTES)?).map_err(|problem| format!("{path} {problem}"))?;
    if root.name == name { Ok(root) } else { Err(format!("{path} is a {}, must be a {name}", root.name)) }
}
