//! JSON in which a member name occurs once.
//!
//! Parsers disagree on which of two members of the same name counts, so what one of them verifies another
//! may read differently. RFC 7515 §4 and RFC 7519 §4 let us refuse such text, and we do, at every depth.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Error;

/// Reads one JSON value and nothing after it; member names are unique in every object.
pub(crate) fn value(what: &'static str, text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice::<Unique>(text).map(|unique| unique.0).map_err(|error| Error::json(what, &error))
}

/// Reads one JSON object as [`value`] does.
pub(crate) fn object(what: &'static str, text: &[u8]) -> Result<Map<String, Value>, Error> {
    match value(what, text)? {
        Value::Object(object) => Ok(object),
        _ => Err(Error::Json { what, line: 1, column: 1 }),
    }
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Unique)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON with unique member names")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(Unique(element)) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(member))) = members.next_entry::<String, Unique>()? {
            if object.insert(name, member).is_some() {
                return Err(A::Error::custom("a member name occurs twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        for text in [r#"{"a":[1,-2,0.5,null,true,"é",{"b":{}}]}"#, "[]", "3", r#""\u4e2d""#] {
            assert_eq!(value("text", text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        }
    }

    #[test]
    fn a_repeated_name_or_trailing_text_is_refused_and_no_value_quoted() {
        for text in [r#"{"a":1,"a":2}"#, r#"[{"x":{"b":"secret","b":1}}]"#, "{} {}", "{", "", r#"{"a":"secret"#] {
            let error = value("text", text.as_bytes()).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(object("text", b"[]").is_err());
    }
}
