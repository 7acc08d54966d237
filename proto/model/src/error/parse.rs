//! From DM's text form back to the value.

use super::{Class, DmError, Kind, Level, Scope, codes};

const MESSAGE: &str = ", Message: ";
const RAW_CAUSE: &str = ", RawCause: ";
const WORKAROUND: &str = ", Workaround: ";

/// A message may itself contain a part's label (an error quoted in an error), so the last
/// workaround label and the last cause label before it are taken as the real ones.
pub(super) fn parse(text: &str) -> Option<DmError> {
    let head_and_rest = text.strip_prefix("[code=")?;
    let (head, rest) = head_and_rest.split_once(']')?;
    let (code, head) = head.split_once(":class=")?;
    let (class, head) = head.split_once(":scope=")?;
    let (scope, level) = head.split_once(":level=")?;
    let code: i32 = code.parse().ok()?;
    let (rest, workaround) = cut_last(rest, WORKAROUND);
    let (rest, cause) = cut_last(rest, RAW_CAUSE);
    let message = match rest {
        "" => "",
        _ => rest.strip_prefix(MESSAGE)?,
    };
    Some(DmError {
        code,
        class: Class::parse(class)?,
        scope: Scope::parse(scope)?,
        level: Level::parse(level)?,
        message: message.to_owned(),
        cause: cause.map(str::to_owned),
        workaround: workaround.map(str::to_owned),
        kind: codes::by_number(code).map_or(Kind::Definite, |known| known.kind),
    })
}

fn cut_last<'a>(text: &'a str, label: &str) -> (&'a str, Option<&'a str>) {
    match text.rsplit_once(label) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_dm_prints() {
        let text = "[code=20019:class=config:scope=internal:level=medium], Message: must specify a unique task name, Workaround: Please check the `name` config in task configuration file.";
        let error = DmError::parse(text).unwrap();
        assert_eq!(error.code, 20019);
        assert_eq!(error.message, "must specify a unique task name");
        assert_eq!(error.cause, None);
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn other_texts_are_not_errors_of_ours() {
        for text in [
            "",
            "[code=x:class=config:scope=internal:level=low]",
            "boom",
            "[code=1",
        ] {
            assert_eq!(DmError::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(
            index in 0..codes::ALL.len(),
            message in "[a-z:,\\[\\] \n]{0,20}",
            cause in proptest::option::of("[a-z:=\\] ]{1,20}"),
            workaround in proptest::option::of("[a-z:=\\] ]{1,20}"),
        ) {
            let mut error = DmError::new(codes::ALL[index], message);
            error.cause = cause;
            error.workaround = workaround;
            prop_assert_eq!(DmError::parse(&error.to_string()), Some(error));
        }

        #[test]
        fn parse_never_panics(text in ".{0,80}") {
            let _ = DmError::parse(&format!("[code={text}"));
            let _ = DmError::parse(&text);
        }
    }
}
