//! XML as a small tree, within bounds and without what only attacks need: no document types, no entities but the predefined.

use quick_xml::{Reader, XmlVersion, events::Event};

/// The most bytes of a description: a reference takes some 200, and there may be one for each file.
pub(super) const MAX_XML_BYTES: usize = 4 << 20;
/// How deep elements may be within each other. Descriptions of signatures have five levels.
const MAX_DEPTH: usize = 32;
/// The most elements.
const MAX_ELEMENTS: usize = 65_536;

/// An element. Its name is without a prefix: there is one namespace only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    text: String,
}

impl Element {
    /// Reads a document's root element.
    ///
    /// # Errors
    /// In words why it is not taken.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_XML_BYTES {
            return Err(format!("has {} bytes, allowed are {MAX_XML_BYTES}", bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
        let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        reader.config_mut().enable_all_checks(true);
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut elements = 0;
        loop {
            let event = reader.read_event().map_err(|error| format!("is not well-formed XML: {error}"))?;
            let (started, is_empty) = match event {
                Event::Start(start) => (Some(start), false),
                Event::Empty(start) => (Some(start), true),
                Event::End(_) => {
                    close(&mut open, &mut root)?;
                    continue;
                }
                Event::Text(text) => {
                    add_text(&mut open, &text.xml10_content())?;
                    continue;
                }
                Event::CData(text) => {
                    add_text(&mut open, &text.xml10_content())?;
                    continue;
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => character.to_string(),
                        _ => match &*reference {
                            "amp" => "&".to_owned(),
                            "lt" => "<".to_owned(),
                            "gt" => ">".to_owned(),
                            "quot" => "\"".to_owned(),
                            "apos" => "'".to_owned(),
                            other => return Err(format!("has the entity &{other};, allowed are the predefined ones")),
                        },
                    };
                    add_text(&mut open, &character)?;
                    continue;
                }
                Event::DocType(_) => return Err("has a document type, which is not allowed".to_owned()),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
                Event::Eof => break,
            };
            let Some(start) = started else { continue };
            elements += 1;
            if open.len() >= MAX_DEPTH || elements > MAX_ELEMENTS {
                return Err(format!("has more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements"));
            }
            let mut element = Self { name: start.local_name().as_ref().to_owned(), ..Self::default() };
            for attribute in start.attributes() {
                let attribute = attribute.map_err(|error| format!("has a malformed attribute: {error}"))?;
                let value = attribute.normalized_value(XmlVersion::Explicit1_0);
                let value = value.map_err(|error| format!("has a malformed attribute: {error}"))?;
                element.attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
            }
            open.push(element);
            if is_empty {
                close(&mut open, &mut root)?;
            }
        }
        match root {
            Some(root) if open.is_empty() => Ok(root),
            _ => Err("has no complete root element".to_owned()),
        }
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text in it, without white space around it.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }
}

fn add_text(open: &mut [Element], text: &str) -> Result<(), String> {
    match open.last_mut() {
        Some(element) => {
            element.text.push_str(text);
            Ok(())
        }
        None if text.trim().is_empty() => Ok(()),
        None => Err("has text outside of its root element".to_owned()),
    }
}

fn close(open: &mut Vec<Element>, root: &mut Option<Element>) -> Result<(), String> {
    let element = open.pop().ok_or("closes an element that was not opened")?;
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return Err("has two root elements".to_owned()),
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_attributes_children_and_text() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<o:A xmlns:o=\"x\" k=\"1 &amp; 2\">\n<!-- c -->\
                    <o:B> a&#x4e2d;<![CDATA[<]]>&lt; </o:B><o:B/></o:A>\n";
        let root = Element::parse(text.as_bytes()).unwrap();
        assert_eq!((root.name.as_str(), root.attribute("k")), ("A", Some("1 & 2")));
        assert_eq!(root.all("B").map(Element::text).collect::<Vec<_>>(), ["a中<<", ""]);
        assert_eq!(root.child("C"), None);
    }

    #[test]
    fn what_only_attacks_need_is_not_taken() {
        let deep = format!("{}{}", "<a>".repeat(MAX_DEPTH + 1), "</a>".repeat(MAX_DEPTH + 1));
        for (text, problem) in [
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "document type"),
            ("<a>&b;</a>", "entity &b;"),
            ("<a k=\"&b;\"/>", "attribute"),
            (&deep, "levels"),
            ("<a>", "complete"),
            ("<a></b>", "well-formed"),
            ("<a/><b/>", "two root"),
            ("<a/>x", "outside"),
            ("", "complete"),
            ("<a k=\"1\" k=\"2\"/>", "attribute"),
        ] {
            let error = Element::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
        assert!(Element::parse(b"<a>\xff</a>").unwrap_err().contains("UTF-8"));
    }
}
