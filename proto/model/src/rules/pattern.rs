//! One name pattern of a rule.

use regex::{Regex, RegexBuilder};

use super::wildcard::Wildcard;

/// Bounds the memory of one compiled regular expression.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// A literal name, a wildcard, or `~` and an unanchored regular expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    form: Form,
    case_sensitive: bool,
}

#[derive(Debug, Clone)]
enum Form {
    Literal(String),
    Wildcard(Wildcard),
    Regex(Box<Regex>),
}

impl Pattern {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn new(text: &str, case_sensitive: bool) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the name is empty".to_owned());
        }
        let form = if let Some(expression) = text.strip_prefix('~') {
            Form::Regex(Box::new(compile(expression, case_sensitive)?))
        } else {
            let text = fold(text, case_sensitive);
            if Wildcard::is_wildcard(&text) {
                Form::Wildcard(Wildcard::new(&text)?)
            } else {
                Form::Literal(text)
            }
        };
        Ok(Self {
            form,
            case_sensitive,
        })
    }

    /// True when the name matches.
    pub fn matches(&self, name: &str) -> bool {
        match &self.form {
            Form::Regex(regex) => regex.is_match(name),
            Form::Literal(text) => *text == fold(name, self.case_sensitive),
            Form::Wildcard(wildcard) => wildcard.matches(&fold(name, self.case_sensitive)),
        }
    }
}

fn compile(expression: &str, case_sensitive: bool) -> Result<Regex, String> {
    if expression.is_empty() {
        return Err("there is no regular expression after ~".to_owned());
    }
    RegexBuilder::new(expression)
        .case_insensitive(!case_sensitive)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| format!("bad regular expression {expression:?}: {error}"))
}

fn fold(text: &str, case_sensitive: bool) -> String {
    if case_sensitive {
        text.to_owned()
    } else {
        text.to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_decides_the_form() {
        let matches = |text, name| Pattern::new(text, true).unwrap().matches(name);
        assert!(matches("a.b", "a.b"));
        assert!(!matches("a.b", "axb"));
        assert!(matches("~a.b", "xxaxbxx"));
        assert!(matches("a?b", "axb"));
        assert!(Pattern::new("", true).is_err());
        assert!(Pattern::new("~", true).is_err());
        assert!(Pattern::new("~(", true).is_err());
    }

    #[test]
    fn without_case_regular_expressions_keep_their_classes() {
        let digits = Pattern::new(r"~^T_\D+$", false).unwrap();
        assert!(digits.matches("t_ABC"));
        assert!(!digits.matches("t_1"));
        assert!(Pattern::new("Shop", false).unwrap().matches("sHOP"));
        assert!(!Pattern::new("Shop", true).unwrap().matches("shop"));
    }
}
