//! Signed documents, as they were and changed.

use super::{
    super::{CheckName as Name, Finding, Kind, Verification, verify},
    document::Document,
    maker::Recipe,
    *,
};

/// A document signed by these recipes, one after the other.
fn signed(stage: &Stage, recipes: &[Recipe]) -> Document {
    let mut document = Document::new();
    for recipe in recipes {
        document.sign(recipe, &stage.seal(recipe), &stage.signer, "1.2.156.10197.1.401", sm3);
    }
    document
}

fn check(stage: &Stage, document: &Document) -> Verification {
    verify(&document.pack(), &stage.trust(), &now())
}

#[test]
fn a_document_with_signatures_of_each_version_holds() {
    let stage = Stage::new();
    let recipes = [Recipe::version(4), Recipe::version(5), Recipe::version(1)];
    for count in 1..=3 {
        let verification = check(&stage, &signed(&stage, &recipes[..count]));
        assert!(verification.holds(), "{verification:?}");
        assert_eq!((verification.kind, verification.parts.len()), (Kind::Document, count));
        for part in &verification.parts {
            for name in [Name::References, Name::DataHash, Name::SameSeal, Name::Coverage] {
                assert_eq!(finding(part, name), Finding::Passed, "{part:?}");
            }
        }
        assert_eq!(verification.parts[0].path, "Doc_0/Signs/Sign_0/Signature.xml");
    }
}

#[test]
fn every_manipulation_of_a_document_is_told_by_name() {
    type Change = fn(&mut Document);
    const DESCRIPTION: &str = "Doc_0/Signs/Sign_0/Signature.xml";
    fn edit(document: &mut Document, path: &str, from: &str, to: &str) {
        let text = String::from_utf8(document.file(path).clone()).unwrap();
        assert!(text.contains(from), "{text}");
        *document.file(path) = text.replacen(from, to, 1).into_bytes();
    }
    let table: &[(&str, Change, &[Name])] = &[
        ("a page changed", |it| it.file("Doc_0/Pages/Page_0/Content.xml").push(b' '), &[Name::References]),
        ("a page gone", |it| it.files.retain(|(path, _)| !path.ends_with("Content.xml")), &[Name::References]),
        ("a description changed", |it| it.file(DESCRIPTION).push(b' '), &[Name::DataHash]),
        ("a seal exchanged", |it| it.file("Doc_0/Signs/Sign_0/Seal.esl").push(0), &[Name::SameSeal]),
        (
            "another document shown",
            |it| {
                *it.file("Doc_1/Document.xml") = b"<Document/>".to_vec();
                edit(it, "OFD.xml", "Doc_0/Document.xml", "Doc_1/Document.xml");
            },
            &[Name::References, Name::Coverage],
        ),
        (
            "a reference taken out",
            |it| edit(it, DESCRIPTION, "FileRef=\"/OFD.xml\"", "FileRef=\"/Doc_0/Document.xml\""),
            &[Name::References, Name::DataHash],
        ),
        (
            "a weaker hash",
            |it| edit(it, DESCRIPTION, "CheckMethod=\"1.2.156.10197.1.401\"", "CheckMethod=\"MD5\""),
            &[Name::References, Name::DataHash, Name::Coverage],
        ),
        (
            "a signature cut off",
            |it| it.file("Doc_0/Signs/Sign_0/SignedValue.dat").truncate(900),
            &[Name::SignatureForm],
        ),
        (
            "a signature gone",
            |it| it.files.retain(|(path, _)| !path.ends_with("SignedValue.dat")),
            &[Name::DescriptionForm],
        ),
        (
            "a document type",
            |it| edit(it, DESCRIPTION, "<ofd:Signature ", "<!DOCTYPE x><ofd:Signature "),
            &[Name::DescriptionForm],
        ),
    ];
    let stage = Stage::new();
    for (what, change, expected) in table {
        let mut document = signed(&stage, &[Recipe::default()]);
        change(&mut document);
        let verification = check(&stage, &document);
        assert_eq!(failures(&only(&verification).checks), *expected, "{what}: {verification:?}");
        assert!(!verification.holds());
    }
}

#[test]
fn files_that_no_signature_protects_are_named() {
    let stage = Stage::new();
    let mut document = signed(&stage, &[Recipe::default()]);
    *document.file("Doc_0/Annots/Annot.xml") = b"<A/>".to_vec();
    let verification = check(&stage, &document);
    let coverage = only(&verification).checks.find(Name::Coverage).unwrap();
    assert_eq!((verification.holds(), coverage.finding), (true, Finding::Noted));
    assert!(
        coverage.en.ends_with("1 files are not protected by this signature: Doc_0/Annots/Annot.xml"),
        "{}",
        coverage.en
    );
}

#[test]
fn hashes_may_be_named_in_words_and_one_bad_signature_fails_the_document() {
    let stage = Stage::new();
    let recipe = Recipe::default();
    let mut document = Document::new();
    document.sign(&recipe, &stage.seal(&recipe), &stage.signer, "SM3", sm3);
    assert!(check(&stage, &document).holds());
    document.sign(&recipe, &stage.seal(&recipe), &stage.maker, "SM3", sm3);
    let verification = check(&stage, &document);
    assert_eq!(failures(&verification.parts[0].checks), []);
    assert_eq!(failures(&verification.parts[1].checks), [Name::SignerListed]);
    assert!(!verification.holds());
}

#[test]
fn a_document_without_seals_does_not_hold() {
    let stage = Stage::new();
    let unsigned = check(&stage, &Document::new());
    assert_eq!(failures(&unsigned.checks), [Name::DocumentForm]);
    let mut plain = signed(&stage, &[Recipe::default()]);
    let list = String::from_utf8(plain.file("Doc_0/Signs/Signatures.xml").clone()).unwrap();
    *plain.file("Doc_0/Signs/Signatures.xml") = list.replace("Type=\"Seal\"", "Type=\"Sign\"").into_bytes();
    assert_eq!(failures(&check(&stage, &plain).checks), [Name::DocumentForm]);
    *plain.file("OFD.xml") = b"<OFD/>".to_vec();
    assert!(!check(&stage, &plain).holds());
}
