//! Row conditions.

use super::{
    proto::{self, ComparisonOperator as Operator, condition::Kind, literal::Value},
    reading::{At, Reading},
};
use crate::domain::condition::{Comparison, Condition, Literal, Relation, Test};

/// The operators that compare with one literal.
const RELATIONS: [(Operator, Relation); 6] = [
    (Operator::Equal, Relation::Equal),
    (Operator::NotEqual, Relation::NotEqual),
    (Operator::Less, Relation::Less),
    (Operator::AtMost, Relation::AtMost),
    (Operator::Greater, Relation::Greater),
    (Operator::AtLeast, Relation::AtLeast),
];

pub(super) fn condition_to_proto(condition: &Condition) -> proto::Condition {
    let list =
        |parts: &[Condition]| proto::ConditionList { conditions: parts.iter().map(condition_to_proto).collect() };
    let kind = match condition {
        Condition::All(parts) => Kind::All(list(parts)),
        Condition::Any(parts) => Kind::Any(list(parts)),
        Condition::Comparison(comparison) => Kind::Comparison(comparison_to_proto(comparison)),
    };
    proto::Condition { kind: Some(kind) }
}

fn comparison_to_proto(comparison: &Comparison) -> proto::Comparison {
    let (operator, literals) = match &comparison.test {
        Test::Is(relation, literal) => {
            let operator = RELATIONS.into_iter().find(|(_, known)| known == relation).map(|(operator, _)| operator);
            (operator.unwrap_or_default(), vec![literal_to_proto(literal)])
        }
        Test::OneOf(literals) => (Operator::OneOf, literals.iter().map(literal_to_proto).collect()),
        Test::StartsWith(prefix) => {
            (Operator::StartsWith, vec![proto::Literal { value: Some(Value::Text(prefix.clone())) }])
        }
        Test::Empty => (Operator::Empty, Vec::new()),
        Test::NotEmpty => (Operator::NotEmpty, Vec::new()),
    };
    proto::Comparison { field: comparison.field.to_string(), operator: operator.into(), literals }
}

fn literal_to_proto(literal: &Literal) -> proto::Literal {
    let value = match literal {
        Literal::Text(text) => Value::Text(text.clone()),
        Literal::Integer(integer) => Value::Integer(*integer),
        Literal::Boolean(boolean) => Value::Boolean(*boolean),
    };
    proto::Literal { value: Some(value) }
}

/// Reads a condition and holds it to the bounds of its form. The decoder bounds how deep a message is nested, and with it how deep
/// this descends.
pub(super) fn read_condition(reading: &mut Reading, field: &str, message: &proto::Condition) -> Option<Condition> {
    let condition = read_part(reading, field, message)?;
    match condition.malformation() {
        Some(problem) => reading.fail(field, problem),
        None => Some(condition),
    }
}

fn read_part(reading: &mut Reading, field: &str, message: &proto::Condition) -> Option<Condition> {
    match &message.kind {
        Some(Kind::All(list)) => read_list(reading, &format!("{field}.all"), list).map(Condition::All),
        Some(Kind::Any(list)) => read_list(reading, &format!("{field}.any"), list).map(Condition::Any),
        Some(Kind::Comparison(comparison)) => {
            read_comparison(reading, &format!("{field}.comparison"), comparison).map(Condition::Comparison)
        }
        None => reading.fail(field, "is empty"),
    }
}

fn read_list(reading: &mut Reading, field: &str, list: &proto::ConditionList) -> Option<Vec<Condition>> {
    let parts = list.conditions.iter().enumerate();
    let parts: Vec<_> = parts.map(|(i, part)| read_part(reading, &format!("{field}[{i}]"), part)).collect();
    parts.into_iter().collect()
}

fn read_comparison(reading: &mut Reading, path: &str, message: &proto::Comparison) -> Option<Comparison> {
    let field = reading.name(At(format_args!("{path}."), "field"), &message.field);
    let literals = message.literals.iter().enumerate();
    let literals: Vec<_> =
        literals.map(|(i, literal)| read_literal(reading, &format!("{path}.literals[{i}]"), literal)).collect();
    let literals: Vec<Literal> = literals.into_iter().collect::<Option<_>>()?;
    let test = read_test(reading, path, message.operator, literals);
    Some(Comparison { field: field?, test: test? })
}

fn read_test(reading: &mut Reading, path: &str, operator: i32, literals: Vec<Literal>) -> Option<Test> {
    let wrong = |reading: &mut Reading, allowed: &str| reading.fail(format_args!("{path}.literals"), allowed);
    let operator = match Operator::try_from(operator) {
        Ok(Operator::Unspecified) | Err(_) => {
            return reading.fail(format_args!("{path}.operator"), format!("{operator} is not a known operator"));
        }
        Ok(operator) => operator,
    };
    match (operator, literals.as_slice()) {
        (Operator::Empty, []) => Some(Test::Empty),
        (Operator::NotEmpty, []) => Some(Test::NotEmpty),
        (Operator::Empty | Operator::NotEmpty, _) => wrong(reading, "must be none for this operator"),
        (Operator::OneOf, several) => {
            reading.ascending(format_args!("{path}.literals"), several)?;
            Some(Test::OneOf(literals.into_iter().collect()))
        }
        (Operator::StartsWith, [Literal::Text(prefix)]) => Some(Test::StartsWith(prefix.clone())),
        (Operator::StartsWith, _) => wrong(reading, "must be one text for this operator"),
        (_, [literal]) => {
            let (_, relation) = RELATIONS.into_iter().find(|(known, _)| *known == operator)?;
            Some(Test::Is(relation, literal.clone()))
        }
        _ => wrong(reading, "must be one for this operator"),
    }
}

fn read_literal(reading: &mut Reading, field: &str, message: &proto::Literal) -> Option<Literal> {
    match &message.value {
        Some(Value::Text(text)) => Some(Literal::Text(text.clone())),
        Some(Value::Integer(integer)) => Some(Literal::Integer(*integer)),
        Some(Value::Boolean(boolean)) => Some(Literal::Boolean(*boolean)),
        None => reading.fail(field, "is empty"),
    }
}
