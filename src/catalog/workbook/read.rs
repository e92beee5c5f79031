//! Workbooks as catalog files.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        Finding, lint,
        render::{quoted, table_code_line},
    },
    columns::{self, FIELD_NAME, OF_CODE, OF_TABLE, Placed, TABLE_KEYS},
    draft::{Draft, Lines, Origin, Part, Value},
    fault::{Fault, WorkbookFault},
    sheet::{Headings, Place, Sheet},
    source, value,
};

/// What was made of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The catalog file.
    pub file: String,
    /// What is wrong with it, as far as the workbook goes: what is missing above all.
    pub findings: Vec<WorkbookFault>,
    /// Columns that mean nothing here: what stands in them is not in the file.
    pub passed_over: Vec<WorkbookFault>,
}

/// Makes a catalog file of a workbook, `.xlsx` or `.xls`.
///
/// # Errors
/// Everything that is wrong with the workbook, where something in it cannot be read.
pub fn from_workbook(bytes: &[u8]) -> Result<Imported, Vec<WorkbookFault>> {
    let sheets = source::sheets(bytes).map_err(|(sheet, fault)| vec![WorkbookFault::of_sheet(sheet, fault)])?;
    let mut import = Import::default();
    let mut is_found = false;
    for sheet in &sheets {
        if let Some(headings) = sheet.headings(FIELD_NAME) {
            is_found = true;
            import.catalog(sheet, &headings);
        } else if let Some(headings) = sheet.headings(&OF_TABLE[..1]) {
            is_found = true;
            import.tables(sheet, &headings);
        }
    }
    if !is_found {
        return Err(vec![WorkbookFault::of_sheet(String::new(), Fault::NoHeadings)]);
    }
    for sheet in sheets.iter().filter(|sheet| sheet.headings(FIELD_NAME).is_none()) {
        if let Some(headings) = sheet.headings(&OF_CODE[1..2]) {
            import.codes(sheet, &headings);
        }
    }
    let draft = import.draft();
    let found = lint(draft.text.as_bytes());
    let known: BTreeSet<_> = import.faults.iter().map(|fault| fault.place).collect();
    let at_its_cell = |finding| import.at_its_cell(&sheets, &draft, finding, &known);
    let mut findings: Vec<_> = found.into_iter().filter_map(at_its_cell).collect();
    findings.sort_by_key(|finding| finding.place);
    if import.faults.is_empty() {
        return Ok(Imported { file: draft.text, findings, passed_over: import.passed_over });
    }
    import.faults.append(&mut findings);
    import.faults.sort_by_key(|fault| fault.place);
    Err(import.faults)
}

#[derive(Default)]
struct Import {
    resources: Vec<Resource>,
    tables: Vec<Table>,
    /// The column of each key, by sheet and part.
    columns: BTreeMap<(usize, Part, &'static str), u32>,
    faults: Vec<WorkbookFault>,
    passed_over: Vec<WorkbookFault>,
}

struct Resource {
    origin: Origin,
    lines: Lines,
    fields: Vec<Field>,
}

struct Field {
    origin: Origin,
    lines: Lines,
    codes: Vec<(String, String)>,
    codes_origin: Option<Origin>,
    /// What stands in the resource's column of sharing classes in this row, or in the last one above that says something.
    class_of_row: Option<Value>,
}

struct Table {
    origin: Origin,
    lines: Lines,
    codes: String,
}

/// The keys by which it is seen that a row is of another resource.
const NAMING: [&str; 3] = ["id", "name", "national_code"];

impl Import {
    fn catalog(&mut self, sheet: &Sheet, headings: &Headings) {
        let placed = columns::place(sheet, headings, &mut self.faults, &mut self.passed_over);
        for own in &placed {
            let part = if own.of_resource { Part::Resource } else { Part::Field };
            self.columns.insert((sheet.number(), part, own.column.key), own.position);
        }
        let begun = self.resources.len();
        for row in sheet.rows_below(headings.row) {
            self.row(sheet, row, &placed, begun);
        }
    }

    fn row(&mut self, sheet: &Sheet, row: u32, placed: &[Placed<'_>], begun: usize) {
        let origin_of = |own: &Placed<'_>| sheet.origin((row, own.position), own.heading);
        let name = placed.iter().find(|own| !own.of_resource && own.column.key == "name");
        let origin = name.map_or_else(|| sheet.origin((row, 0), ""), origin_of);
        let mut of_resource = Lines::new();
        let mut field = Field {
            origin: origin.clone(),
            lines: Lines::new(),
            codes: Vec::new(),
            codes_origin: None,
            class_of_row: None,
        };
        let mut roles = Vec::new();
        for own in placed {
            let place = (row, own.position);
            let text = sheet.text(place);
            if sheet.is_error(place) {
                self.faults.push(sheet.fault(place, own.heading, Fault::Error));
            }
            if text.is_empty() {
                continue;
            }
            let read = value::read(own.column, text).unwrap_or_else(|fault| {
                self.faults.push(sheet.fault(place, own.heading, fault));
                // What stands there is kept, so that nobody says that nothing does.
                value::Value::Toml(quoted(text.to_owned()))
            });
            let line = |toml| Value { toml, origin: origin_of(own) };
            match read {
                value::Value::Toml(toml) if own.of_resource => drop(of_resource.insert(own.column.key, line(toml))),
                value::Value::Toml(toml) => drop(field.lines.insert(own.column.key, line(toml))),
                value::Value::Role(true) => roles.push(own),
                value::Value::Role(false) => {}
                value::Value::Table(id, version) => {
                    field.lines.insert("table", line(quoted(id)));
                    field.lines.extend(version.map(|version| ("table_version", line(version))));
                }
                value::Value::Codes(codes) => {
                    field.codes = codes;
                    field.codes_origin = Some(origin_of(own));
                }
            }
        }
        if of_resource.is_empty() && field.lines.is_empty() && roles.is_empty() {
            return;
        }
        let current = self.resources.get(begun..).and_then(<[Resource]>::last);
        let is_other = of_resource.iter().any(|(key, line)| {
            let same = current.and_then(|current| current.lines.get(key)).is_some_and(|own| own.toml == line.toml);
            NAMING.contains(key) && !same
        });
        if is_other {
            self.resources.push(Resource { origin: origin.clone(), lines: Lines::new(), fields: Vec::new() });
        }
        let Some(resource) = self.resources.get_mut(begun..).and_then(<[Resource]>::last_mut) else {
            self.faults.push(sheet.fault(origin.place, &origin.heading, Fault::NoResource));
            return;
        };
        let above = resource.fields.last().and_then(|field| field.class_of_row.clone());
        field.class_of_row = of_resource.get("sharing_class").cloned().or(above);
        for (key, line) in of_resource {
            match resource.lines.get(key) {
                None => drop(resource.lines.insert(key, line)),
                Some(own) if own.toml == line.toml => {}
                // One column for the sharing classes of all fields: looked at when all are there.
                Some(_) if key == "sharing_class" => {}
                Some(own) => {
                    let first = Sheet::cell(own.origin.place);
                    self.faults.push(sheet.fault(line.origin.place, &line.origin.heading, Fault::Differs { first }));
                }
            }
        }
        if !field.lines.contains_key("name") {
            if !field.lines.is_empty() {
                self.faults.push(sheet.fault(origin.place, &origin.heading, Fault::NoName));
            }
            return;
        }
        let code = field.lines.get("code").map_or_else(|| quoted(String::new()), |line| line.toml.clone());
        for own in roles {
            let line = Value { toml: code.clone(), origin: origin_of(own) };
            if resource.lines.contains_key(own.column.key) {
                self.faults.push(sheet.fault((row, own.position), own.heading, Fault::RoleTwice));
            } else {
                resource.lines.insert(own.column.key, line);
            }
        }
        resource.fields.push(field);
    }

    /// The codes that fields list themselves.
    fn codes(&mut self, sheet: &Sheet, headings: &Headings) {
        let [Some(id), Some(field), Some(code), Some(name)] = OF_CODE.map(|name| headings.column(name)) else { return };
        for row in sheet.rows_below(headings.row) {
            let [id, field_code, code, name] = [id, field, code, name].map(|column| sheet.text((row, column)));
            let (id, field_code) = (quoted(id.to_owned()), quoted(field_code.to_owned()));
            let is_named = |lines: &Lines, key: &str, toml: &str| lines.get(key).is_some_and(|line| line.toml == toml);
            let resource = self.resources.iter_mut().find(|own| is_named(&own.lines, "id", &id));
            let own =
                resource.and_then(|own| own.fields.iter_mut().find(|own| is_named(&own.lines, "code", &field_code)));
            match own {
                Some(own) => {
                    own.codes.push((code.to_owned(), name.to_owned()));
                    own.codes_origin.get_or_insert_with(|| sheet.origin((row, field), OF_CODE[1]));
                }
                None => self.faults.push(sheet.fault((row, field), OF_CODE[1], Fault::NoField)),
            }
        }
    }

    fn tables(&mut self, sheet: &Sheet, headings: &Headings) {
        let positions = OF_TABLE.map(|name| headings.column(name));
        for (key, position) in TABLE_KEYS.into_iter().zip(positions) {
            self.columns.extend(position.map(|position| ((sheet.number(), Part::CodeTable, key), position)));
        }
        for row in sheet.rows_below(headings.row) {
            let text = |position: Option<u32>| position.map_or("", |column| sheet.text((row, column)));
            let [id, version, name, code, code_name, parent, from, until] = positions.map(text);
            let origin = |number: usize| {
                let position = positions.get(number).copied().flatten().unwrap_or_default();
                sheet.origin((row, position), OF_TABLE.get(number).copied().unwrap_or_default())
            };
            let is_new =
                !id.is_empty() && self.tables.last().is_none_or(|last| last.id() != Some(&quoted(id.to_owned())));
            if is_new {
                if version.parse::<u32>().is_err() {
                    let Origin { place, heading, .. } = origin(1);
                    self.faults.push(sheet.fault(place, &heading, Fault::NotNumber));
                }
                let number = version.parse::<u32>().map_or_else(|_| quoted(version.to_owned()), |own| own.to_string());
                let lines =
                    [("id", quoted(id.to_owned()), 0), ("version", number, 1), ("name", quoted(name.to_owned()), 2)];
                let lines = lines.map(|(key, toml, number)| (key, Value { toml, origin: origin(number) }));
                self.tables.push(Table { origin: origin(0), lines: lines.into(), codes: String::new() });
            }
            let Some(table) = self.tables.last_mut() else { continue };
            table.codes.push_str(&table_code_line(code, code_name, parent, from, until));
        }
    }

    /// The catalog file.
    fn draft(&self) -> Draft {
        let mut draft = Draft::default();
        for table in &self.tables {
            let mut lines = table.lines.clone();
            let codes = Value { toml: format!("[\n{}]", table.codes), origin: table.origin.clone() };
            lines.insert("codes", codes);
            draft.part(Part::CodeTable, &table.origin, &lines);
        }
        for resource in &self.resources {
            let classes = resource.classes();
            draft.part(Part::Resource, &resource.origin, &resource.lines(classes.as_deref()));
            for field in &resource.fields {
                draft.part(Part::Field, &field.origin, &field.lines(classes.is_some()));
            }
        }
        draft
    }

    /// What is wrong with the file, at the cell from which it came; `None` where that cell is known to be wrong.
    fn at_its_cell(
        &self,
        sheets: &[Sheet],
        draft: &Draft,
        finding: Finding,
        known: &BTreeSet<(usize, Place)>,
    ) -> Option<WorkbookFault> {
        let Finding { line, path, problem, .. } = finding;
        let Some((part, origin, is_first)) = draft.origin(line) else {
            // A file without a line says nothing that the workbook's own faults do not.
            let whole = WorkbookFault::of_sheet(String::new(), Fault::Catalog(problem));
            return Some(whole).filter(|_| known.is_empty());
        };
        let mut place = origin.place;
        let mut heading = origin.heading.as_str();
        let key = path.rsplit('.').next().unwrap_or_default();
        if let Some(column) = columns::named(*part, key).filter(|_| *is_first) {
            // What is lacking has no line: its column is told, and its cell where the sheet has the column.
            heading = column.names.first().copied().unwrap_or_default();
            let position = self.columns.get(&(origin.sheet, *part, column.key));
            place = position.map_or(place, |position| (place.0, *position));
        }
        if known.contains(&(origin.sheet, place)) {
            return None;
        }
        Some(sheets.get(origin.sheet)?.fault(place, heading, Fault::Catalog(problem)))
    }
}

impl Table {
    fn id(&self) -> Option<&String> {
        self.lines.get("id").map(|line| &line.toml)
    }
}

impl Resource {
    /// The loosest of the classes that the resource's column has in its rows, if they are not all the same: then each row's is its
    /// field's.
    fn classes(&self) -> Option<String> {
        let own = |class: &str| {
            let word = quoted(class.to_owned());
            self.fields
                .iter()
                .any(|field| field.class_of_row.as_ref().is_some_and(|own| own.toml == word))
                .then_some(word)
        };
        let classes: Vec<String> = ["UNCONDITIONAL", "CONDITIONAL", "NOT_SHARED"].into_iter().filter_map(own).collect();
        (classes.len() > 1).then(|| classes.into_iter().next()).flatten()
    }

    fn lines(&self, loosest: Option<&str>) -> Lines {
        let mut lines = self.lines.clone();
        if let Some(code) = lines.get("national_code").filter(|_| !lines.contains_key("id")) {
            let id = code.toml.trim_matches('"').replace('/', "-");
            let id = Value { toml: quoted(format!("n{id}")), origin: code.origin.clone() };
            lines.insert("id", id);
        }
        // Many templates have one column for the condition and for the basis of denial.
        let is_denied = lines.get("sharing_class").is_some_and(|class| class.toml == quoted("NOT_SHARED".to_owned()));
        if let Some(basis) = lines.get("sharing_condition").filter(|_| is_denied && !lines.contains_key("denial_basis"))
        {
            lines.insert("denial_basis", basis.clone());
        }
        if let Some((class, loosest)) = lines.get_mut("sharing_class").zip(loosest) {
            loosest.clone_into(&mut class.toml);
        }
        put_together(&mut lines, "copy_of", &["copy_of.resource", "copy_of.original", "copy_of.purpose"]);
        lines
    }
}

impl Field {
    fn lines(&self, has_class_of_row: bool) -> Lines {
        let mut lines = self.lines.clone();
        if let Some(class) = self.class_of_row.as_ref().filter(|_| has_class_of_row) {
            lines.entry("sharing_class").or_insert_with(|| class.clone());
        }
        let has_codes = !self.codes.is_empty() || lines.contains_key("table");
        let is = |lines: &Lines, word: &str| lines.get("type").is_some_and(|own| own.toml == quoted(word.to_owned()));
        if has_codes && (is(&lines, "TEXT") || !lines.contains_key("type")) {
            let origin = lines.get("type").map_or_else(|| self.origin.clone(), |own| own.origin.clone());
            lines.insert("type", Value { toml: quoted("CODE".to_owned()), origin });
        }
        // Templates give every type a length; here it is of texts alone.
        if !is(&lines, "TEXT") {
            lines.remove("max_length");
        }
        if !self.codes.is_empty() {
            let code = |(code, name): &(String, String)| table_code_line(code, name, "", "", "");
            let toml = format!("[\n{}]", self.codes.iter().map(code).collect::<String>());
            let origin = self.codes_origin.clone().unwrap_or_else(|| self.origin.clone());
            lines.insert("codes", Value { toml, origin });
        }
        put_together(&mut lines, "derived", &["derived.from", "derived.rule"]);
        lines
    }
}

/// Makes an inline table of what stands in the columns of its parts, where something does.
fn put_together(lines: &mut Lines, key: &'static str, columns: &[&'static str]) {
    let parts = columns.iter().filter_map(|column| Some((column.split_once('.')?.1, lines.remove(column)?)));
    let parts: Vec<(&str, Value)> = parts.collect();
    let toml: Vec<String> = parts.iter().map(|(part, own)| format!("{part} = {}", own.toml)).collect();
    let first = parts.into_iter().next().map(|(_, own)| own);
    lines.extend(first.map(|own| (key, Value { toml: format!("{{ {} }}", toml.join(", ")), ..own })));
}

impl Sheet {
    fn origin(&self, place: Place, heading: &str) -> Origin {
        Origin { sheet: self.number(), place, heading: heading.to_owned() }
    }
}
