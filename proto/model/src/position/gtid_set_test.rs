use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const B: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429563";

fn set(text: &str) -> GtidSet {
    GtidSet::parse(text).unwrap()
}

#[test]
fn texts_are_read_and_printed_as_the_server_prints_them() {
    let cases = [
        (format!("{A}:1-5"), format!("{A}:1-5")),
        (format!("{A}:1-5:7"), format!("{A}:1-5:7")),
        (format!("{A}:7:1-5:6"), format!("{A}:1-7")),
        (
            format!(" {B} : 3 ,\n{A}:1-2,\r\n"),
            format!("{A}:1-2,{B}:3"),
        ),
        (A.to_uppercase() + ":1", format!("{A}:1")),
        (A.replace('-', "") + ":1", format!("{A}:1")),
        (format!("{A}:1-15:mytag:1"), format!("{A}:1-15:mytag:1")),
        (
            format!("{A}:B_2:4-5:a:1:3,{A}:9"),
            format!("{A}:9:a:1:3:b_2:4-5"),
        ),
        (format!("{A}:tag:1"), format!("{A}:tag:1")),
        ("0-1-100,1-2-5".into(), "0-1-100,1-2-5".into()),
        ("1-2-5, 0-1-3, 0-9-7".into(), "0-9-7,1-2-5".into()),
        (String::new(), String::new()),
        (" , ".into(), String::new()),
    ];
    for (text, printed) in cases {
        assert_eq!(set(&text).to_string(), printed, "{text:?}");
        assert_eq!(set(&printed), set(&text));
    }
}

#[test]
fn bad_texts_are_refused_with_the_element() {
    let bad = [
        "x".to_owned(),
        A.to_owned(),
        format!("{A}:"),
        format!("{A}:0"),
        format!("{A}:5-3"),
        format!("{A}:1-"),
        format!("{A}:+1"),
        format!("{A}:tag"),
        format!("{A}:1:tag"),
        format!("{A}:ta-g:1"),
        format!("{A}:{}:1", "t".repeat(33)),
        format!("{A}:9223372036854775807"),
        format!("{}:1", &A[1..]),
        format!("{A}:1,0-1-5"),
        "0-1".to_owned(),
        "0-1-2-3".to_owned(),
        "4294967296-1-1".to_owned(),
    ];
    for text in bad {
        let error = GtidSet::parse(&text).unwrap_err();
        assert_eq!(error.code, 11009, "{text}");
    }
    let error = GtidSet::parse(&format!("{A}:1,nonsense")).unwrap_err();
    assert!(error.message.starts_with("\"nonsense\" in "), "{error}");
}

#[test]
fn one_id_round_trips() {
    for text in [format!("{A}:7"), format!("{A}:tag:7"), "0-1-7".to_owned()] {
        assert_eq!(Gtid::parse(&text).unwrap().to_string(), text);
    }
    for text in [
        format!("{A}:1-2"),
        format!("{A}:a:1:2"),
        "0-1".to_owned(),
        A.to_owned(),
    ] {
        assert!(Gtid::parse(&text).is_err(), "{text}");
    }
    assert!(set(&format!("{A}:tag:1-9")).contains(&Gtid::parse(&format!("{A}:TAG:9")).unwrap()));
}

#[test]
fn flavour_is_checked_on_demand() {
    assert!(GtidSet::parse_for(Flavor::Mariadb, &format!("{A}:1")).is_err());
    assert!(GtidSet::parse_for(Flavor::Mysql, "0-1-1").is_err());
    assert!(GtidSet::parse_for(Flavor::Mariadb, "").unwrap().is_empty());
    assert_eq!(
        GtidSet::empty(Flavor::Mariadb),
        GtidSet::empty(Flavor::Mysql)
    );
}

#[test]
fn elements_are_one_per_server_and_tag() {
    let all = set(&format!("{A}:1-15:mytag:1,{B}:2:4"));
    assert_eq!(
        all.elements(),
        [
            format!("{A}:1-15"),
            format!("{A}:mytag:1"),
            format!("{B}:2:4")
        ]
    );
    assert_eq!(set("1-2-5,0-1-3").elements(), ["0-1-3", "1-2-5"]);
}

#[test]
fn mariadb_keeps_the_last_of_each_domain() {
    let mut all = set("0-1-100,1-2-5");
    assert!(all.contains(&Gtid::mariadb(0, 7, 100)));
    assert!(!all.contains(&Gtid::mariadb(0, 1, 101)));
    assert!(!all.contains(&Gtid::mariadb(2, 1, 1)));
    all.add(&Gtid::mariadb(0, 9, 50));
    assert_eq!(all.to_string(), "0-1-100,1-2-5");
    all.add(&Gtid::mariadb(0, 9, 101));
    assert_eq!(all.last_of_domain(0), Some(Gtid::mariadb(0, 9, 101)));
    assert!(all.is_superset(&set("0-3-99")));
    assert!(!all.is_superset(&set("0-3-99,2-1-1")));
    assert_eq!(all.subtract(&set("0-1-100")).to_string(), "0-9-101,1-2-5");
    assert_eq!(
        set("0-1-5").union(&set("0-2-9,3-1-1")).to_string(),
        "0-2-9,3-1-1"
    );
}

/// Members one by one: (server, tag, number).
type Naive = BTreeSet<(u8, u8, u64)>;

fn gtid(&(server, tag, number): &(u8, u8, u64)) -> Gtid {
    let tag = (tag > 0).then(|| format!("tag{tag}"));
    Gtid::mysql([server; 16], tag, number)
}

fn build(naive: &Naive) -> GtidSet {
    let mut all = GtidSet::default();
    for member in naive {
        all.add(&gtid(member));
    }
    all
}

fn members() -> impl Strategy<Value = Naive> {
    // Few distinct numbers, so that ranges touch, merge and overlap.
    let member = (0..2u8, 0..3u8, 1..25u64);
    proptest::collection::vec(member, 0..60).prop_map(|all| all.into_iter().collect())
}

proptest! {
    #[test]
    fn agrees_with_a_set_of_numbers(
        a in members(),
        b in members(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let (x, y) = (build(&a), build(&b));
        // Order of adding makes no difference.
        let listed: Vec<_> = a.iter().collect();
        let mut shuffled = GtidSet::default();
        for index in order.iter().filter(|_| !listed.is_empty()) {
            shuffled.add(&gtid(listed[index.index(listed.len())]));
        }
        prop_assert!(x.is_superset(&shuffled));
        prop_assert_eq!(&shuffled.union(&x), &x);

        prop_assert_eq!(x.count(), a.len() as u64);
        prop_assert_eq!(x.is_empty(), a.is_empty());
        for server in 0..2 {
            for tag in 0..3 {
                for number in 1..26 {
                    let member = (server, tag, number);
                    prop_assert_eq!(x.contains(&gtid(&member)), a.contains(&member));
                }
            }
        }
        prop_assert_eq!(x.union(&y), build(&(&a | &b)));
        prop_assert_eq!(x.subtract(&y), build(&(&a - &b)));
        prop_assert_eq!(x.is_superset(&y), a.is_superset(&b));
        prop_assert_eq!(&GtidSet::parse(&x.to_string()).unwrap(), &x);
        prop_assert_eq!(&GtidSet::parse(&x.elements().join(",")).unwrap(), &x);
        let json = serde_json::to_string(&x).unwrap();
        prop_assert_eq!(serde_json::from_str::<GtidSet>(&json).unwrap(), x);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9a-f:,\\- \\n\u{e9}]{0,50}") {
        let _ = GtidSet::parse(&text);
        let _ = Gtid::parse(&text);
    }
}
