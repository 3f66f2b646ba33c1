//! Tests of artifact names: their stored form, and that clients request them by that form.

#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const TIME: &str = "1795370748804";

fn image(step: &str, id: &str) -> String {
    format!("images/k%step%{step}%timestamp%{TIME}%{id}%compressed.webp")
}

#[test]
fn a_name_is_decoded_until_nothing_changes() {
    for (name, expected) in [
        ("acc 95%20of 100%.txt", "acc 95 of 100%.txt"),
        ("50%2525 off%", "50% off%"),
        ("bs%5Cx%zz", "bs\\x%zz"),
        ("a%10b%7F", "a%10b%7f"),
        ("a%99b%zz", "a\u{fffd}b%zz"),
        ("Loss: a/B-1:c", "loss: a/b-1:c"),
        ("1:B", "1:B"),
        ("x%%320", "x "),
    ] {
        assert_eq!(settled(name).unwrap(), expected);
    }
    assert_eq!(settled(&format!("%{}41", "25".repeat(10))), None);
}

#[test]
fn images_keep_their_steps() {
    for step in 0..2_500 {
        let (name, id) = (image(&step.to_string(), "g7"), "g7");
        let kept = settled(&name).unwrap();
        let (percent, plus) = (name.clone(), name.replace('%', "+"));
        // A step that begins no escape, or escapes a control character, which is escaped again.
        let is_plain = step < 20 || (100..200).contains(&step) || (1_000..2_000).contains(&step);
        assert_eq!(kept, if is_plain { percent } else { plus }, "{step} {id}");
        assert!(kept.split('/').all(|name| validate(name).is_ok()));
    }
}

#[test]
fn image_names_keep_ids_that_look_like_escapes() {
    for byte in 0..=255_u8 {
        let name = image("3", &format!("{byte:02x}a1"));
        let kept = settled(&name).unwrap();
        assert!(kept == name || kept == name.replace('%', "+"), "{kept}");
        assert!(kept.split('/').count() == 2 && kept.split('/').all(|name| validate(name).is_ok()));
    }
}

#[test]
fn only_images_are_kept_with_a_plus() {
    for other in [
        "%step%20%timestamp%1%g",
        "k%step%x0%timestamp%20%g",
        "k%step%20%timestamp%",
        "k%step%20",
    ] {
        assert!(!settled(other).unwrap().contains('+'), "{other}");
    }
    assert_eq!(settled("k%step%-20%timestamp%1%g").unwrap(), "k%step%-20%timestamp%1%g");
    assert!(settled("k%step%-20%timestamp%20%g").unwrap().contains("+step+-20+"));
    let encoded = image("20", "g").replace('%', "%25");
    assert_eq!(settled(&encoded), settled(&image("20", "g")));
}

#[test]
fn names_that_clients_would_change_are_refused() {
    for name in [
        "",
        "a#b",
        "a?",
        " a",
        "a;",
        "http:x",
        "svn+ssh:x",
        "file:",
        "c:x",
        "c:\\x",
        "\\x",
        "a\\",
        "a\\..\\b",
        "a\nb",
        "a\u{85}",
        "\u{2}a",
    ] {
        assert!(validate(name).is_err(), "{name}");
    }
    for name in [
        "a ", "a;b", "a;;", "a;b;", "note: 1", "s3:x", "1:x", ":", "a\\b", "~", "...", "[x", "%", "it's", "\"x\"",
    ] {
        assert_eq!(validate(name), Ok(()), "{name}");
    }
}

#[test]
fn names_stored_by_earlier_versions_are_listed_under_readable_names() {
    for (stored, name) in [
        ("plain %", "plain %"),
        ("k%step%10%x", "k%step%10%x"),
        ("95%20of 100%", "95+20of 100+"),
        ("h%23x%zz", "h+23x+zz"),
        ("Loss: a", "Loss+ a"),
        ("note: a", "note: a"),
        (" a;", "+a+"),
        ("file:x", "file+x"),
    ] {
        assert_eq!(listed(stored), name);
    }
    let stored = image("23", "g");
    assert_eq!(earlier_image(&listed(&stored)), Some(stored));
    assert_eq!(earlier_image("a+b"), None);
}

/// A name after the check that clients make of each name in a listing. `None`: they refuse it.
fn checked_by_clients(name: &str) -> Option<String> {
    let mut name = name.to_owned();
    for _ in 0..10 {
        let next = normal(&percent::decoded(&name));
        if next == name {
            let escaped = |c: char| match c {
                '\0'..='\x1f' | '\x7f' => format!("%{:02x}", u32::from(c)),
                c => c.to_string(),
            };
            let name: String = name.chars().map(escaped).collect();
            let begins_with_drive = name.chars().skip(1).take(2).eq([':', '\\']);
            let is_drive = begins_with_drive || name.starts_with("\\\\");
            return (!name.contains('#') && name != ".." && !is_drive && !name.starts_with("file:")).then_some(name);
        }
        name = next;
    }
    None
}

/// A relative URI of one segment, split and joined again as Python's `urllib.parse` does it.
fn normal(name: &str) -> String {
    let name = name
        .trim_start_matches(|c: char| c <= ' ')
        .replace(['\t', '\r', '\n'], "");
    let (scheme, rest) = match name.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) =>
        {
            (scheme.to_lowercase() + ":", rest)
        }
        _ => (String::new(), name.as_str()),
    };
    let rest = rest.strip_suffix(['#', '?']).unwrap_or(rest);
    let rest = match rest.split_once(';') {
        Some((path, "")) if scheme.is_empty() => path,
        _ => rest,
    };
    let has_host = SCHEMES_WITH_HOST.contains(&scheme.trim_end_matches(':'));
    scheme + if has_host { "///" } else { "" } + rest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn an_accepted_name_passes_the_check_of_clients_unchanged(
        name in "(%|%25|2|0|a|A|é|%C3|;|:|file:|http:| |\\+|\\\\|\\.|#|\t|%09|%step%|%timestamp%|20|-){0,9}"
    ) {
        if let Some(kept) = settled(&name).filter(|kept| !kept.contains('/') && validate(kept).is_ok()) {
            prop_assert_eq!(checked_by_clients(&kept), Some(kept));
        }
    }

    #[test]
    fn settling_a_path_twice_changes_nothing(path in "(%|%25|2|f|0|a|A|é|%C3|;|:| |\\+|/|%step%|%timestamp%|20|%10){0,12}") {
        if let Some(kept) = settled(&path) {
            prop_assert_eq!(settled(&kept), Some(kept));
        }
    }

    #[test]
    fn every_listed_name_passes_the_check_of_clients_unchanged(stored in "[^/\\p{Cc}]{1,20}|(%|2|3|0|A|:|;| |a){1,8}") {
        // No file has such a name.
        prop_assume!(!matches!(&*stored, "." | ".."));
        let name = listed(&stored).into_owned();
        prop_assert!(validate(&name).is_ok(), "{}", name);
        prop_assert_eq!(checked_by_clients(&name), Some(name));
    }
}
