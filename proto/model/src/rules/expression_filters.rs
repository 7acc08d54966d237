//! Which rows of the tables that take part are migrated, by SQL expressions over their columns.
//!
//! `insert-value-expr` draws the line: rows for which it is true are out of scope, in the copy and in the
//! stream. So an update that crosses the line becomes an insert or a delete, where DM leaves a stale row
//! or misses one. `update-*-value-expr` and `delete-value-expr` leave out changes of rows in scope.

use super::expression::{Ast, Datum, Expression, ExpressionColumn, parse};
use crate::config::{ExpressionRule, Named};
use crate::error::{DmError, codes};
use crate::table_name::TableName;

/// The compiled `expression-filter` of one source.
#[derive(Debug, Clone, Default)]
pub struct ExpressionFilters {
    rules: Vec<Rule>,
    case_sensitive: bool,
}

#[derive(Debug, Clone)]
struct Rule {
    name: String,
    table: TableName,
    insert: Option<Ast>,
    update_old: Option<Ast>,
    update_new: Option<Ast>,
    delete: Option<Ast>,
}

/// The expressions of one table at one structure.
#[derive(Debug, Clone)]
pub struct RowFilter {
    scope: Vec<Named<Expression>>,
    updates: Vec<Named<(Option<Expression>, Option<Expression>)>>,
    deletes: Vec<Named<Expression>>,
}

/// The values of a row, by column index.
pub type RowValues<'a> = &'a dyn Fn(usize) -> Datum;

impl ExpressionFilters {
    /// Compiles rules.
    pub fn new(rules: &[Named<ExpressionRule>], case_sensitive: bool) -> Result<Self, DmError> {
        Ok(Self {
            rules: rules.iter().map(Rule::new).collect::<Result<_, _>>()?,
            case_sensitive,
        })
    }

    /// True without rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The names of the rules for a table.
    pub fn names(&self, table: &TableName) -> Vec<String> {
        let rules = self.of(table);
        rules.map(|rule| rule.name.clone()).collect()
    }

    /// Whether changes of a table's rows are left out on purpose, so that rows may come again.
    pub fn keeps_rows(&self, table: &TableName) -> bool {
        self.of(table).any(|rule| rule.delete.is_some())
    }

    /// The expressions for a table with these columns; `None` without any. An unknown column or function
    /// is an error here, before any row is read.
    pub fn bind(
        &self,
        table: &TableName,
        columns: &[ExpressionColumn],
    ) -> Result<Option<RowFilter>, DmError> {
        let mut filter = RowFilter {
            scope: Vec::new(),
            updates: Vec::new(),
            deletes: Vec::new(),
        };
        for rule in self.of(table) {
            let bound = |key: &str, ast: &Option<Ast>| {
                ast.as_ref()
                    .map(|ast| {
                        Expression::bind(ast, columns).map_err(|problem| {
                            let message = format!(
                                "expression-filter {}: {key} for {table}: {problem}",
                                rule.name
                            );
                            DmError::new(&codes::EXPRESSION_NOT_EVALUATED, message)
                        })
                    })
                    .transpose()
            };
            if let Some(expression) = bound("insert-value-expr", &rule.insert)? {
                filter.scope.push(Named::new(&rule.name, expression));
            }
            if let Some(expression) = bound("delete-value-expr", &rule.delete)? {
                filter.deletes.push(Named::new(&rule.name, expression));
            }
            let old = bound("update-old-value-expr", &rule.update_old)?;
            let new = bound("update-new-value-expr", &rule.update_new)?;
            if old.is_some() || new.is_some() {
                filter.updates.push(Named::new(&rule.name, (old, new)));
            }
        }
        let empty =
            filter.scope.is_empty() && filter.updates.is_empty() && filter.deletes.is_empty();
        Ok((!empty).then_some(filter))
    }

    fn of(&self, table: &TableName) -> impl Iterator<Item = &Rule> {
        let folded = |name: &str| {
            if self.case_sensitive {
                name.to_owned()
            } else {
                name.to_lowercase()
            }
        };
        let wanted = (folded(&table.schema), folded(&table.table));
        self.rules
            .iter()
            .filter(move |rule| (folded(&rule.table.schema), folded(&rule.table.table)) == wanted)
    }
}

impl Rule {
    fn new(named: &Named<ExpressionRule>) -> Result<Self, DmError> {
        let Named { name, rule } = named;
        let bad = |code, problem: &str| {
            Err(DmError::new(
                code,
                format!("expression-filter {name}: {problem}"),
            ))
        };
        if rule.schema.is_empty() || rule.table.is_empty() {
            return bad(
                &codes::CONFIG_EXPR_FILTER_EMPTY_NAME,
                "schema or table is missing",
            );
        }
        let families = [
            !rule.insert_value_expr.is_empty(),
            !rule.update_old_value_expr.is_empty() || !rule.update_new_value_expr.is_empty(),
            !rule.delete_value_expr.is_empty(),
        ];
        match families.iter().filter(|given| **given).count() {
            1 => {}
            0 => {
                return bad(
                    &codes::CONFIG_EXPR_FILTER_WRONG_GRAMMAR,
                    "it has no expression",
                );
            }
            _ => {
                return bad(
                    &codes::CONFIG_EXPR_FILTER_MANY_EXPR,
                    "expressions for insert, update and delete need a rule each",
                );
            }
        }
        let ast = |key: &str, text: &str| match text {
            "" => Ok(None),
            text => parse(text).map(Some).map_err(|problem| {
                let message = format!("expression-filter {name}: {key}: {problem}: {text}");
                DmError::new(&codes::CONFIG_EXPR_FILTER_WRONG_GRAMMAR, message)
            }),
        };
        Ok(Self {
            name: name.clone(),
            table: TableName::new(rule.schema.clone(), rule.table.clone()),
            insert: ast("insert-value-expr", &rule.insert_value_expr)?,
            update_old: ast("update-old-value-expr", &rule.update_old_value_expr)?,
            update_new: ast("update-new-value-expr", &rule.update_new_value_expr)?,
            delete: ast("delete-value-expr", &rule.delete_value_expr)?,
        })
    }
}

impl RowFilter {
    /// Whether the target is to have a row.
    pub fn in_scope(&self, row: RowValues<'_>) -> Result<bool, DmError> {
        any(&self.scope, row).map(|out| !out)
    }

    /// Whether a delete of a row in scope is left out.
    pub fn skips_delete(&self, row: RowValues<'_>) -> Result<bool, DmError> {
        any(&self.deletes, row)
    }

    /// Whether an update within the scope is left out: one rule whose halves, as far as there are any,
    /// both hold.
    pub fn skips_update(&self, old: RowValues<'_>, new: RowValues<'_>) -> Result<bool, DmError> {
        for Named { name, rule } in &self.updates {
            let (of_old, of_new) = rule;
            let half = |expression: &Option<Expression>, row| match expression {
                None => Ok(true),
                Some(expression) => holds(name, expression, row),
            };
            if half(of_old, old)? && half(of_new, new)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn any(expressions: &[Named<Expression>], row: RowValues<'_>) -> Result<bool, DmError> {
    for Named { name, rule } in expressions {
        if holds(name, rule, row)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn holds(name: &str, expression: &Expression, row: RowValues<'_>) -> Result<bool, DmError> {
    match expression.verdict(row) {
        Ok(verdict) => Ok(verdict == Some(true)),
        Err(problem) => Err(DmError::new(
            &codes::EXPRESSION_NOT_EVALUATED,
            format!("expression-filter {name}: {problem}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ExpressionType;

    fn rule(spoil: fn(&mut ExpressionRule)) -> Named<ExpressionRule> {
        let mut rule = ExpressionRule {
            schema: "s".to_owned(),
            table: "t".to_owned(),
            ..ExpressionRule::default()
        };
        spoil(&mut rule);
        Named::new("f", rule)
    }

    fn columns() -> Vec<ExpressionColumn> {
        vec![ExpressionColumn {
            name: "c".to_owned(),
            ty: ExpressionType::Int { unsigned: false },
        }]
    }

    fn filter(rules: &[Named<ExpressionRule>]) -> RowFilter {
        ExpressionFilters::new(rules, false)
            .unwrap()
            .bind(&TableName::new("S", "T"), &columns())
            .unwrap()
            .unwrap()
    }

    #[test]
    fn rules_that_do_not_fit_have_dms_numbers() {
        type Spoil = fn(&mut ExpressionRule);
        let cases: [(Spoil, i32); 5] = [
            (|rule| rule.table.clear(), 20042),
            (|_| {}, 20041),
            (
                |rule| {
                    rule.insert_value_expr = "c".to_owned();
                    rule.delete_value_expr = "c".to_owned();
                },
                20039,
            ),
            (|rule| rule.insert_value_expr = "c = ".to_owned(), 20041),
            (
                |rule| {
                    rule.insert_value_expr = "c".to_owned();
                    rule.update_new_value_expr = "c".to_owned();
                },
                20039,
            ),
        ];
        for (spoil, code) in cases {
            assert_eq!(
                ExpressionFilters::new(&[rule(spoil)], false)
                    .unwrap_err()
                    .code,
                code
            );
        }
        for text in [
            "d = 1",
            "FOO(c) = 1",
            "NOW() > c",
            "c LIKE 1",
            "c = DATE '2024-01-01'",
        ] {
            let mut named = rule(|_| {});
            named.rule.insert_value_expr = text.to_owned();
            let filters = ExpressionFilters::new(&[named], false).unwrap();
            let error = filters
                .bind(&TableName::new("s", "t"), &columns())
                .unwrap_err();
            assert_eq!(error.code, 60064, "{text}: {error}");
        }
    }

    #[test]
    fn null_is_not_true() {
        let filter = filter(&[
            rule(|rule| rule.insert_value_expr = "c > 5".to_owned()),
            rule(|rule| rule.delete_value_expr = "c = 1".to_owned()),
        ]);
        let scope = |value: Datum| filter.in_scope(&|_| value.clone()).unwrap();
        assert!(scope(Datum::Null) && scope(Datum::Int(5)) && !scope(Datum::Int(6)));
        assert!(filter.skips_delete(&|_| Datum::Int(1)).unwrap());
    }

    #[test]
    fn both_halves_of_an_update_rule_must_hold() {
        let filter = filter(&[
            rule(|rule| {
                rule.update_old_value_expr = "c = 1".to_owned();
                rule.update_new_value_expr = "c = 2".to_owned();
            }),
            rule(|rule| rule.update_new_value_expr = "c = 9".to_owned()),
        ]);
        let skips = |old, new| {
            filter
                .skips_update(&|_| Datum::Int(old), &|_| Datum::Int(new))
                .unwrap()
        };
        assert!(skips(1, 2) && !skips(1, 3) && !skips(3, 2) && skips(7, 9));
    }
}
