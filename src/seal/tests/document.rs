//! Makes signed OFD documents for tests. Like [`super::maker`] it stands by itself.

#![allow(dead_code, unreachable_pub)]

use std::io::{Cursor, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::maker::{Holder, Recipe};

/// A ZIP of these files.
pub fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(contents).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A document's files, which a test may change before they are packed.
#[derive(Clone)]
pub struct Document {
    pub files: Vec<(String, Vec<u8>)>,
}

const NAMESPACE: &str = "xmlns:ofd=\"http://www.ofdspec.org/2016\"";

impl Document {
    /// A document with one page, not signed.
    pub fn new() -> Self {
        let ofd = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:OFD {NAMESPACE} Version=\"1.0\" DocType=\"OFD\"><ofd:DocBody>\
             <ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot><ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures>\
             </ofd:DocBody></ofd:OFD>"
        );
        let files = [
            ("OFD.xml", ofd.as_str()),
            ("Doc_0/Document.xml", "<Document/>"),
            ("Doc_0/Pages/Page_0/Content.xml", "<Page>不动产权证书</Page>"),
        ];
        Self { files: files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into() }
    }

    pub fn file(&mut self, path: &str) -> &mut Vec<u8> {
        if !self.files.iter().any(|(own, _)| own == path) {
            self.files.push((path.to_owned(), Vec::new()));
        }
        &mut self.files.iter_mut().find(|(own, _)| own == path).unwrap().1
    }

    /// Signs all files that are there but those of signatures.
    pub fn sign(
        &mut self,
        recipe: &Recipe,
        seal: &[u8],
        signer: &Holder,
        check_method: &str,
        sm3: impl Fn(&[u8]) -> [u8; 32],
    ) {
        let number = self.files.iter().filter(|(path, _)| path.ends_with("/Signature.xml")).count();
        let folder = format!("Doc_0/Signs/Sign_{number}");
        let references: String = self
            .files
            .iter()
            .filter(|(path, _)| !path.contains("/Signs/"))
            .map(|(path, contents)| {
                let value = STANDARD.encode(sm3(contents));
                format!("<ofd:Reference FileRef=\"/{path}\"><ofd:CheckValue>{value}</ofd:CheckValue></ofd:Reference>")
            })
            .collect();
        let description = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:Signature {NAMESPACE}><ofd:SignedInfo>\
             <ofd:Provider ProviderName=\"HutongTest\"/><ofd:References CheckMethod=\"{check_method}\">{references}</ofd:References>\
             <ofd:Seal><ofd:BaseLoc>/{folder}/Seal.esl</ofd:BaseLoc></ofd:Seal></ofd:SignedInfo>\
             <ofd:SignedValue>/{folder}/SignedValue.dat</ofd:SignedValue></ofd:Signature>"
        );
        let property = format!("/{folder}/Signature.xml");
        let hash = sm3(description.as_bytes());
        *self.file(&format!("{folder}/SignedValue.dat")) =
            recipe.sign(seal, signer, &hash, &property, "20260301020000Z");
        *self.file(&format!("{folder}/Seal.esl")) = seal.to_vec();
        *self.file(&format!("{folder}/Signature.xml")) = description.into_bytes();
        self.list(number + 1);
    }

    /// Lists so many signatures.
    fn list(&mut self, count: usize) {
        let one =
            |number| format!("<ofd:Signature ID=\"{number}\" Type=\"Seal\" BaseLoc=\"Sign_{number}/Signature.xml\"/>");
        let list: String = (0..count).map(one).collect();
        *self.file("Doc_0/Signs/Signatures.xml") =
            format!("<ofd:Signatures {NAMESPACE}><ofd:MaxSignId>{count}</ofd:MaxSignId>{list}</ofd:Signatures>")
                .into_bytes();
    }

    pub fn pack(&self) -> Vec<u8> {
        let files: Vec<_> = self.files.iter().map(|(path, contents)| (path.as_str(), contents.as_slice())).collect();
        zip_of(&files)
    }
}
