/// A column as information_schema tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: String,
    pub(super) in_primary_key: bool,
}

/// What is read of a table, the same on both sides.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) names: Vec<String>,
    /// Per column: JSON on at least one side, so spacing and key order mean nothing.
    pub(super) json: Vec<bool>,
    /// Places of the primary key; empty: the whole row names a row.
    pub(super) key: Vec<usize>,
}

impl Plan {
    /// The error says how the tables themselves differ.
    pub(super) fn new(source: &[Column], target: &[Column]) -> Result<Self, String> {
        match (source.is_empty(), target.is_empty()) {
            (true, _) => return Err("the source has no such table".to_owned()),
            (_, true) => return Err("the target has no such table".to_owned()),
            _ => {}
        }
        let mut plan = Self {
            names: Vec::new(),
            json: Vec::new(),
            key: Vec::new(),
        };
        for (place, column) in source.iter().enumerate() {
            let other = target
                .iter()
                .find(|other| other.name.eq_ignore_ascii_case(&column.name));
            let other = other.ok_or_else(|| format!("the target has no column {}", column.name))?;
            plan.names.push(column.name.clone());
            plan.json
                .push(column.data_type == "json" || other.data_type == "json");
            if column.in_primary_key {
                plan.key.push(place);
            }
        }
        match target.iter().find(|other| {
            !source
                .iter()
                .any(|column| column.name.eq_ignore_ascii_case(&other.name))
        }) {
            Some(extra) => Err(format!("only the target has a column {}", extra.name)),
            None => Ok(plan),
        }
    }

    /// The list of a SELECT.
    pub(super) fn list(&self) -> String {
        let quoted: Vec<String> = self
            .names
            .iter()
            .map(|name| format!("`{}`", name.replace('`', "``")))
            .collect();
        quoted.join(", ")
    }
}
