use proptest::prelude::*;

use super::*;

/// The tree as compact text.
fn show(node: &Node) -> String {
    match &node.body {
        Body::Scalar { text, plain: true } => text.clone(),
        Body::Scalar { text, plain: false } => format!("{text:?}"),
        Body::List(items) => {
            let items: Vec<String> = items.iter().map(show).collect();
            format!("[{}]", items.join(" "))
        }
        Body::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|e| format!("{}={}", e.key, show(&e.value)))
                .collect();
            format!("{{{}}}", entries.join(" "))
        }
    }
}

fn read(text: &str) -> String {
    show(&parse(text).unwrap())
}

fn problem(text: &str) -> String {
    let error = parse(text).unwrap_err();
    assert_eq!(error.code, 20003);
    error.message
}

#[test]
fn spelling_and_quotes_are_kept() {
    assert_eq!(
        read("a: 0123\nb: \"0123\"\nc: !!str 5"),
        r#"{a=0123 b="0123" c="5"}"#
    );
    assert_eq!(read("- x\n- [1, {k: v}]"), "[x [1 {k=v}]]");
    assert_eq!(read(""), "{}");
    assert_eq!(read("# only a comment\n"), "{}");
    assert_eq!(read("---\na: 1\n...\n"), "{a=1}");
}

#[test]
fn anchors_and_merge_keys() {
    let text = "base: &b {x: 1, y: 2}\none: *b\ntwo:\n  <<: *b\n  y: 3\n";
    assert_eq!(read(text), "{base={x=1 y=2} one={x=1 y=2} two={y=3 x=1}}");
    let list = "a: &a {x: 1}\nb: &b {x: 2, z: 4}\nc: {<<: [*a, *b], w: 0}";
    assert_eq!(read(list), "{a={x=1} b={x=2 z=4} c={w=0 x=1 z=4}}");
    assert!(problem("a: {<<: 5}").contains("<< takes a block"));
}

#[test]
fn places_count_from_one() {
    let node = parse("a:\n  bc: 1\n").unwrap();
    let Body::Map(entries) = &node.body else {
        panic!("no map")
    };
    let Body::Map(inner) = &entries[0].value.body else {
        panic!("no map")
    };
    assert_eq!(inner[0].place, Place { line: 2, column: 3 });
    assert_eq!(inner[0].value.place, Place { line: 2, column: 7 });
}

#[test]
fn duplicate_keys_name_both_places() {
    let message = problem("a: 1\nb: 2\na: 3\n");
    assert!(message.contains("line 3, column 1"), "{message}");
    assert!(message.contains("line 1, column 1"), "{message}");
}

#[test]
fn broken_text_names_the_place() {
    assert!(problem("a: [1, 2\nb: 3\n").contains("line "));
    assert!(problem("a: *nowhere").contains("line 1"));
    assert!(problem("a: 1\n---\nb: 2\n").contains("second document"));
    assert!(problem("? [1, 2]\n: x\n").contains("single value"));
}

#[test]
fn aliases_and_depth_are_bounded() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..8 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert!(problem(&bomb).contains("more than 100000 values"));
    let deep = "[".repeat(40) + &"]".repeat(40);
    assert!(problem(&deep).contains("more than 32 levels"));
    // The parser has a bound of its own for what never closes.
    assert!(problem(&"[".repeat(5000)).contains("line 1"));
}

proptest! {
    #[test]
    fn any_text_ends_in_a_tree_or_an_error(text in "[ \\n:a-c\\[\\]{}&*<\\-,\"'#|>!?~0-9]{0,60}") {
        let _ = parse(&text);
    }
}
