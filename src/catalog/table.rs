//! Reading TOML tables so that everything wrong is found, each with its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    str::FromStr,
};

use toml::de::{DeTable, DeValue};

use super::{Finding, Lines, Problem, nearest::nearest, words::Words};
use crate::domain::id::MalformedId;

/// A problem at a byte offset of the file.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) offset: usize,
    pub(super) path: String,
    pub(super) problem: Problem,
}

impl Located {
    pub(super) fn syntax(error: toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        Self { offset, path: String::new(), problem: Problem::Syntax(error.message().to_owned()) }
    }

    /// The finding, with offsets made lines.
    pub(super) fn place(self, lines: &Lines<'_>) -> Finding {
        let (line, column) = lines.position(self.offset);
        let problem = match self.problem {
            Problem::Repeated { first } => Problem::Repeated { first: lines.position(first).0 },
            problem => problem,
        };
        Finding { line, column, path: self.path, problem }
    }
}

/// A table of the file: its path for people, and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Table<'t> {
    path: String,
    start: usize,
    entries: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    pub(super) fn root(entries: &'t DeTable<'t>) -> Self {
        Self { path: String::new(), start: 0, entries }
    }

    /// Its own path.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Where it begins.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// The path of a key.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where the value of a key begins; where there is none, the table.
    pub(super) fn offset(&self, key: &str) -> usize {
        self.entries.get(key).map_or(self.start, |value| value.span().start)
    }

    /// The text of a key, whatever is wrong with it.
    pub(super) fn raw(&self, key: &str) -> Option<&'t str> {
        self.entries.get(key)?.get_ref().as_str()
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The table that is the value of a key.
    pub(super) fn table(&self, key: &str) -> Option<Self> {
        let value = self.entries.get(key)?;
        let entries = value.get_ref().as_table()?;
        Some(Self { path: self.path_of(key), start: value.span().start, entries })
    }
}

/// Collects what is wrong while tables are read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    found: Vec<Located>,
    /// The offsets at which something is wrong with the part of a path.
    faulty: BTreeMap<String, BTreeSet<usize>>,
}

impl Reader {
    pub(super) fn find(&mut self, offset: usize, path: String, problem: Problem) {
        self.faulty.entry(path.clone()).or_default().insert(offset);
        self.found.push(Located { offset, path, problem });
    }

    /// Whether nothing is known to be wrong.
    pub(super) fn is_in_order(&self) -> bool {
        self.found.is_empty()
    }

    /// What was found, in the order in which it was.
    pub(super) fn into_found(self) -> Vec<Located> {
        self.found
    }

    /// Whether something is known to be wrong with the part of a path that stands at an offset.
    pub(super) fn is_faulty(&self, offset: usize, path: &str) -> bool {
        self.faulty.get(path).is_some_and(|offsets| offsets.contains(&offset))
    }

    /// Whether something is known to be wrong with a member of the array at a path.
    pub(super) fn has_faulty_member(&self, path: &str) -> bool {
        let member = format!("{path}[");
        let mut after = self.faulty.range::<str, _>((Bound::Included(member.as_str()), Bound::Unbounded));
        after.next().is_some_and(|(path, _)| path.starts_with(&member))
    }

    fn fault(&mut self, table: &Table<'_>, key: &str, problem: Problem) {
        self.find(table.offset(key), table.path_of(key), problem);
    }

    /// Finds keys other than those known.
    pub(super) fn require_known(&mut self, table: &Table<'_>, known: &'static [&'static str]) {
        for key in table.entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            let nearest = nearest(name, known.iter().copied());
            self.find(key.span().start, table.path_of(name), Problem::UnknownKey { nearest, known });
        }
    }

    fn value<'t, T>(
        &mut self,
        table: &Table<'t>,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        let value = table.entries.get(key)?.get_ref();
        let read = read(value);
        if read.is_none() {
            self.fault(table, key, Problem::ValueType { found: value.type_str(), expected });
        }
        read
    }

    /// A text, where there is one.
    pub(super) fn text<'t>(&mut self, table: &Table<'t>, key: &str) -> Option<&'t str> {
        self.value(table, key, "a string", DeValue::as_str)
    }

    /// A text that must be there.
    pub(super) fn required_text<'t>(&mut self, table: &Table<'t>, key: &'static str) -> Option<&'t str> {
        if !table.has(key) {
            self.fault(table, key, Problem::Missing { key });
        }
        self.text(table, key)
    }

    /// The texts of an array; none where there is no array.
    pub(super) fn texts(&mut self, table: &Table<'_>, key: &str) -> Vec<String> {
        let Some(array) = self.value(table, key, "an array of strings", DeValue::as_array) else { return Vec::new() };
        let mut texts = Vec::with_capacity(array.len());
        for (position, value) in array.iter().enumerate() {
            match value.get_ref().as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => {
                    let path = format!("{}[{}]", table.path_of(key), position + 1);
                    let problem = Problem::ValueType { found: value.get_ref().type_str(), expected: "a string" };
                    self.find(value.span().start, path, problem);
                }
            }
        }
        texts
    }

    /// True or false; false where it is not said.
    pub(super) fn flag(&mut self, table: &Table<'_>, key: &str) -> bool {
        self.value(table, key, "true or false", DeValue::as_bool).unwrap_or_default()
    }

    /// A number, where there is one.
    pub(super) fn number(&mut self, table: &Table<'_>, key: &str) -> Option<u32> {
        self.value(table, key, "a whole number from 0 to 4294967295", |value| {
            let integer = value.as_integer()?;
            u32::from_str_radix(integer.as_str(), integer.radix()).ok()
        })
    }

    /// A number that must be there.
    pub(super) fn required_number(&mut self, table: &Table<'_>, key: &'static str) -> Option<u32> {
        if !table.has(key) {
            self.fault(table, key, Problem::Missing { key });
        }
        self.number(table, key)
    }

    /// One of some words, where there is one.
    pub(super) fn word<T: Copy>(&mut self, table: &Table<'_>, key: &'static str, words: Words<T>) -> Option<T> {
        let text = self.text(table, key)?;
        let known = || words.iter().map(|(word, _)| *word);
        let value = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if value.is_none() {
            let nearest = nearest(text, known());
            self.fault(table, key, Problem::UnknownWord { nearest, known: known().collect() });
        }
        value
    }

    /// One of some words that must be there.
    pub(super) fn required_word<T: Copy>(
        &mut self,
        table: &Table<'_>,
        key: &'static str,
        words: Words<T>,
    ) -> Option<T> {
        if !table.has(key) {
            self.fault(table, key, Problem::Missing { key });
        }
        self.word(table, key, words)
    }

    /// A name, where there is one.
    pub(super) fn name<T: FromStr<Err = MalformedId>>(&mut self, table: &Table<'_>, key: &str) -> Option<T> {
        let text = self.text(table, key)?;
        match text.parse() {
            Ok(name) => Some(name),
            Err(MalformedId { what, allowed }) => {
                self.fault(table, key, Problem::Malformed { what, allowed });
                None
            }
        }
    }

    /// A name that must be there.
    pub(super) fn required_name<T: FromStr<Err = MalformedId>>(
        &mut self,
        table: &Table<'_>,
        key: &'static str,
    ) -> Option<T> {
        if !table.has(key) {
            self.fault(table, key, Problem::Missing { key });
        }
        self.name(table, key)
    }

    /// A value that was read, or the fault that `problem` tells.
    pub(super) fn accept<T, E>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        read: Result<T, E>,
        problem: impl FnOnce(E) -> Problem,
    ) -> Option<T> {
        read.map_err(|error| self.fault(table, key, problem(error))).ok()
    }

    /// The table of a key, where there is one.
    pub(super) fn table<'t>(&mut self, table: &Table<'t>, key: &str) -> Option<Table<'t>> {
        self.value(table, key, "a table", |value| value.as_table().map(|_| ()))?;
        table.table(key)
    }

    /// The tables of an array; each is named by the text of its key `named_by`, or counted from 1.
    pub(super) fn tables<'t>(&mut self, table: &Table<'t>, key: &str, named_by: &str) -> Vec<Table<'t>> {
        let Some(array) = self.value(table, key, "an array of tables", DeValue::as_array) else { return Vec::new() };
        let mut tables = Vec::with_capacity(array.len());
        for (position, value) in array.iter().enumerate() {
            let start = value.span().start;
            let numbered = || format!("{}[{}]", table.path_of(key), position + 1);
            let Some(entries) = value.get_ref().as_table() else {
                let found = value.get_ref().type_str();
                self.find(start, numbered(), Problem::ValueType { found, expected: "a table" });
                continue;
            };
            let name = entries.get(named_by).and_then(|name| name.get_ref().as_str()).filter(|name| !name.is_empty());
            let path = name.map_or_else(numbered, |name| format!("{}[{name}]", table.path_of(key)));
            tables.push(Table { path, start, entries });
        }
        tables
    }
}
