//! Row conditions 记录条件: which records of a resource an agreement gives at all, by the values in them.
//!
//! A condition is closed and typed, no general language: comparisons of a field with literals, joined by *all of* and *any of*.
//! There is no negation of a whole and no computing, so that what it means can be told decades later.
//!
//! **An empty value.** A comparison with an empty value never holds, not even `!=`; who means empty values too asks for them.
//!
//! **A list.** A comparison with a field whose value is a list holds where one of its values is so; `!=`, of which that would say
//! next to nothing, is not for lists.
//!
//! **Consent.** Whether a record meets a condition tells something of the values that it looks at. So a field in a condition is
//! treated as a field agreed on: one that is NOT_SHARED can be in none, one that is CONDITIONAL needs the provider's
//! acceptance, and beyond that it need not be among the fields released.
//!
//! **Literals stand in the log**, with the text that all sign, and there must be no personal data there. So a field that
//! identifies is compared with the beginning of an identifier only: an area, a kind, an issuer, never one holder.

mod compare;
mod words;

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::{
    catalog::{Field, FieldType, Resource, SharingClass},
    id::FieldCode,
    value,
};

/// How deep conditions are nested: *all of*, *any of*, *all of*, and comparisons. Deeper ones nobody reads.
pub const MAX_DEPTH: usize = 4;
/// The most comparisons of one condition: more than a page of them nobody agrees to. Each takes at most 70 bytes of an entry
/// beside its literals.
pub const MAX_COMPARISONS: usize = 32;
/// The most literals of one condition: with the longest, of characters of four bytes, they take half of an entry.
pub const MAX_LITERALS: usize = 64;
/// The longest literal, in characters.
pub const MAX_LITERAL_CHARS: usize = 128;
/// The most characters of an identifier, or of a sensitive text, with which a condition compares: both a citizen id and a credit
/// code have named the area by then, and neither its holder.
const MAX_AREA_CHARS: usize = 8;
/// Likewise of a licence identifier: root, type and issuer.
const MAX_ISSUER_CHARS: usize = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.".len();

/// A condition on the values of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of these hold.
    All(Vec<Condition>),
    /// At least one of these holds.
    Any(Vec<Condition>),
    /// A field's value is such.
    Comparison(Comparison),
}

/// What a field's value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The field.
    pub field: FieldCode,
    /// What is asked of its value.
    pub test: Test,
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It stands so to a literal.
    Is(Relation, Literal),
    /// It is one of these.
    OneOf(BTreeSet<Literal>),
    /// It begins so.
    StartsWith(String),
    /// There is none.
    Empty,
    /// There is one.
    NotEmpty,
}

/// How a value stands to a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // The names say it all.
pub enum Relation {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// A literal, as a value of its field's type stands in a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Literal {
    /// What JSON has as a string: texts, codes, identifiers, dates, exact decimals.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// true or false.
    Boolean(bool),
}

/// A comparison that does not fit the resource, as it stands in a refusal: codes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The field.
    pub field: FieldCode,
    /// What does not fit.
    pub unfit: Unfit,
}

/// Why a comparison does not fit a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unfit {
    /// There is no such field.
    NoSuchField,
    /// Values of its type do not begin with anything.
    PrefixOfNoText,
    /// What the value must begin with is so long that it could name a holder.
    PrefixTooLong,
    /// The field identifies.
    Identifies,
    /// Values of its type have no order.
    NoOrder,
    /// It must differ from a literal, and has a list of values.
    NotEqualOfList,
    /// The field never has the value of a literal.
    NoValue,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "condition {}: {}", self.field, self.unfit.in_english())
    }
}

impl Literal {
    fn chars(&self) -> usize {
        match self {
            Self::Text(text) => text.chars().count(),
            Self::Integer(_) | Self::Boolean(_) => 0,
        }
    }
}

impl Test {
    /// The operator's code, as the protos have it.
    pub fn operator(&self) -> &'static str {
        match self {
            Self::Is(Relation::Equal, _) => "EQUAL",
            Self::Is(Relation::NotEqual, _) => "NOT_EQUAL",
            Self::Is(Relation::Less, _) => "LESS",
            Self::Is(Relation::AtMost, _) => "AT_MOST",
            Self::Is(Relation::Greater, _) => "GREATER",
            Self::Is(Relation::AtLeast, _) => "AT_LEAST",
            Self::OneOf(_) => "ONE_OF",
            Self::StartsWith(_) => "STARTS_WITH",
            Self::Empty => "EMPTY",
            Self::NotEmpty => "NOT_EMPTY",
        }
    }

    fn literals(&self) -> impl Iterator<Item = &Literal> {
        let (one, several) = match self {
            Self::Is(_, literal) => (Some(literal), None),
            Self::OneOf(literals) => (None, Some(literals)),
            Self::StartsWith(_) | Self::Empty | Self::NotEmpty => (None, None),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }
}

impl Condition {
    /// What breaks the bounds of its form, if anything does. No condition that does is ever signed.
    pub fn malformation(&self) -> Option<String> {
        if self.depth() > MAX_DEPTH {
            return Some(format!("is nested deeper than {MAX_DEPTH}"));
        }
        if self.has_empty_list() {
            return Some("has a list of conditions, or of literals, that is empty".to_owned());
        }
        let comparisons: Vec<_> = self.comparisons().collect();
        if comparisons.len() > MAX_COMPARISONS {
            return Some(format!("has {} comparisons, allowed are {MAX_COMPARISONS}", comparisons.len()));
        }
        let literals = || comparisons.iter().flat_map(|comparison| comparison.test.literals());
        if literals().count() > MAX_LITERALS {
            return Some(format!("has {} literals, allowed are {MAX_LITERALS}", literals().count()));
        }
        let prefixes = comparisons.iter().filter_map(|comparison| match &comparison.test {
            Test::StartsWith(prefix) => Some(prefix.chars().count()),
            _ => None,
        });
        let longest = literals().map(Literal::chars).chain(prefixes).max().unwrap_or_default();
        (longest > MAX_LITERAL_CHARS)
            .then(|| format!("has a literal of {longest} characters, allowed are {MAX_LITERAL_CHARS}"))
    }

    fn depth(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::depth).max().unwrap_or_default(),
            Self::Comparison(_) => 1,
        }
    }

    fn has_empty_list(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.is_empty() || parts.iter().any(Self::has_empty_list),
            Self::Comparison(Comparison { test: Test::OneOf(literals), .. }) => literals.is_empty(),
            Self::Comparison(Comparison { test: Test::StartsWith(prefix), .. }) => prefix.is_empty(),
            Self::Comparison(_) => false,
        }
    }

    /// Its comparisons, from left to right.
    pub fn comparisons(&self) -> Box<dyn Iterator<Item = &Comparison> + '_> {
        match self {
            Self::All(parts) | Self::Any(parts) => Box::new(parts.iter().flat_map(Self::comparisons)),
            Self::Comparison(comparison) => Box::new(std::iter::once(comparison)),
        }
    }

    /// The first field of it that is NOT_SHARED in a resource.
    pub fn not_shared_field(&self, resource: &Resource) -> Option<&FieldCode> {
        self.field_of_class(resource, SharingClass::NotShared)
    }

    /// The first field of it that is of a class in a resource.
    pub(super) fn field_of_class(&self, resource: &Resource, class: SharingClass) -> Option<&FieldCode> {
        let is_of = |code: &str| resource.field(code).is_some_and(|field| field.sharing_class == class);
        self.first_comparison(&mut |comparison| is_of(comparison.field.as_str())).map(|comparison| &comparison.field)
    }

    /// The first comparison that does not fit a resource, and why: a field that it does not have, an operator or a literal
    /// that is not for the field's type.
    pub fn misfit(&self, resource: &Resource) -> Option<Misfit> {
        let misfit = self.first_comparison(&mut |comparison| comparison.misfit(resource).is_some())?;
        misfit.misfit(resource).map(|unfit| Misfit { field: misfit.field.clone(), unfit })
    }

    fn first_comparison(&self, is_it: &mut impl FnMut(&Comparison) -> bool) -> Option<&Comparison> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().find_map(|part| part.first_comparison(is_it)),
            Self::Comparison(comparison) => is_it(comparison).then_some(comparison),
        }
    }

    /// Whether the values of a record that follows this version of its resource meet it. A comparison that does not fit that
    /// version does not hold.
    pub fn holds(&self, resource: &Resource, values: &[(String, Value)]) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(resource, values)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(resource, values)),
            Self::Comparison(comparison) => comparison.holds(resource, values),
        }
    }
}

impl Comparison {
    /// Why it does not fit a resource, if it does not.
    pub fn misfit(&self, resource: &Resource) -> Option<Unfit> {
        let Some(field) = resource.field(self.field.as_str()) else {
            return Some(Unfit::NoSuchField);
        };
        match &self.test {
            Test::Empty | Test::NotEmpty => None,
            Test::StartsWith(prefix) => match &field.field_type {
                FieldType::Text { .. }
                | FieldType::Uscc
                | FieldType::CitizenId
                | FieldType::LicenceId
                | FieldType::HolderCode
                | FieldType::AdministrativeDivision
                | FieldType::Code(_)
                | FieldType::CodeTable(_) => {
                    let most = longest_prefix(resource, field);
                    (prefix.chars().count() > most).then_some(Unfit::PrefixTooLong)
                }
                _ => Some(Unfit::PrefixOfNoText),
            },
            Test::Is(..) | Test::OneOf(_) if is_identifying(resource, field) => Some(Unfit::Identifies),
            Test::Is(Relation::Less | Relation::AtMost | Relation::Greater | Relation::AtLeast, _)
                if !compare::is_ordered(&field.field_type) =>
            {
                Some(Unfit::NoOrder)
            }
            Test::Is(Relation::NotEqual, _) if field.repeated => Some(Unfit::NotEqualOfList),
            Test::Is(..) | Test::OneOf(_) => {
                let fits = |literal: &Literal| compare::is_value(&field.field_type, literal);
                (!self.test.literals().all(fits)).then_some(Unfit::NoValue)
            }
        }
    }

    fn holds(&self, resource: &Resource, values: &[(String, Value)]) -> bool {
        let Some(field) = resource.field(self.field.as_str()) else { return false };
        if self.misfit(resource).is_some() {
            return false;
        }
        let mut values = value::values_of(values, field.code.as_str()).iter();
        match &self.test {
            Test::Empty => values.next().is_none(),
            Test::NotEmpty => values.next().is_some(),
            test => values.any(|value| test.holds(&field.field_type, value)),
        }
    }
}

impl Test {
    /// Whether it holds of a value that there is.
    fn holds(&self, field_type: &FieldType, value: &Value) -> bool {
        match self {
            Self::Empty => false,
            Self::NotEmpty => true,
            Self::StartsWith(prefix) => value.as_str().is_some_and(|text| text.starts_with(prefix.as_str())),
            Self::OneOf(literals) => {
                literals.iter().any(|literal| compare::stands(field_type, value, Relation::Equal, literal))
            }
            Self::Is(relation, literal) => compare::stands(field_type, value, *relation, literal),
        }
    }
}

/// Whether a value of the field could name a holder or a record.
fn is_identifying(resource: &Resource, field: &Field) -> bool {
    field.code == resource.record_id_field
        || field.code == resource.holder_field
        || matches!(field.field_type, FieldType::CitizenId | FieldType::HolderCode)
        || (field.sensitive && matches!(field.field_type, FieldType::Text { .. }))
}

fn longest_prefix(resource: &Resource, field: &Field) -> usize {
    match field.field_type {
        _ if !is_identifying(resource, field) => MAX_LITERAL_CHARS,
        FieldType::LicenceId => MAX_ISSUER_CHARS,
        _ => MAX_AREA_CHARS,
    }
}

#[cfg(test)]
mod tests;
