//! Keys of the registry read back, and their bytes sort as the key table says.

#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const MODEL: ModelId = ModelId(3);

fn a_semver() -> impl Strategy<Value = SemVer> {
    let number = prop_oneof![0_u64..3, any::<u64>()];
    let identifier = "0|[1-9][0-9]{0,25}|[0-9]?[a-cA-C-][0-9a-c-]{0,2}";
    let suffix = prop::collection::vec(identifier, 0..4);
    let build = prop::option::of("[0-9a-c.-]{1,3}");
    (prop::array::uniform3(number), suffix, build).prop_filter_map("a semantic version", |(numbers, suffix, build)| {
        let [major, minor, patch] = numbers;
        let hyphen = if suffix.is_empty() { "" } else { "-" };
        let build = build.map(|build| format!("+{build}")).unwrap_or_default();
        SemVer::read(&format!("{major}.{minor}.{patch}{hyphen}{}{build}", suffix.join(".")))
    })
}

proptest! {
    #[test]
    fn ranks_are_ordered_releases_last_then_by_precedence_then_by_number(a in a_semver(), b in a_semver(), numbers in any::<(u64, u64)>()) {
        let key = |semver: &SemVer, number| ranked_version(MODEL, ModelStage::None, semver, number);
        let expected = a.is_release().cmp(&b.is_release()).then(a.precedence(&b)).then(numbers.0.cmp(&numbers.1));
        let (first, second) = (key(&a, numbers.0), key(&b, numbers.1));
        prop_assert_eq!(first.cmp(&second), expected);
        let (rank, number) = rank_of(&first).unwrap();
        prop_assert_eq!((number, rank_numbers(rank)), (numbers.0, Some(a.numbers())));
        prop_assert_eq!(rank.cmp(rank_of(&second).unwrap().0), expected);
        let kind = ranked_kind(MODEL, ModelStage::None, a.is_release());
        prop_assert!(kind.start <= first && first < kind.end);
        prop_assert_eq!(kind.start <= second && second < kind.end, a.is_release() == b.is_release());
        for span in [ranked_versions(MODEL, ModelStage::None), all_ranked(MODEL)] {
            prop_assert!(span.start <= first && first < span.end);
        }
        let other = ranked_versions(MODEL, ModelStage::Archived);
        prop_assert!(first < other.start || other.end <= first);
    }

    #[test]
    fn updates_are_ordered_newest_first(a in any::<(i64, u64, u64)>(), b in any::<(i64, u64, u64)>()) {
        let (in_model, in_all) = (|(time, _, number)| updated_in_model(MODEL, time, number), |(time, model, number)| updated(time, ModelId(model), number));
        prop_assert_eq!(in_model(a).cmp(&in_model(b)), b.0.cmp(&a.0).then(b.2.cmp(&a.2)));
        prop_assert_eq!(in_all(a).cmp(&in_all(b)), b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        prop_assert_eq!(update_of(&in_model(a)), Some((a.0, MODEL, a.2)));
        prop_assert_eq!(update_of(&in_all(a)), Some((a.0, ModelId(a.1), a.2)));
        for (span, key) in [(updates_from(Some(MODEL), b.0), in_model(a)), (updates_from(None, b.0), in_all(a))] {
            prop_assert_eq!(span.start <= key && key < span.end, a.0 <= b.0);
        }
    }

    #[test]
    fn parts_read_back_and_lie_in_their_span(model in any::<u32>(), number in any::<u32>(), other in any::<u32>(), name in any::<String>()) {
        let (id, number, other) = (ModelId(model.into()), u64::from(number), u64::from(other));
        let (alias, tag) = (model_alias(id, &name), model_tag(id, &name));
        prop_assert_eq!((model_part(&alias), model_part(&tag)), (Some(ModelPart::Alias(&name)), Some(ModelPart::Tag(&name))));
        let (whole, span) = (super::model(id), model_parts(id));
        prop_assert_eq!(model_part(&whole), Some(ModelPart::Model));
        for key in [&alias, &tag, &whole] {
            prop_assert!(span.start <= *key && *key < span.end);
        }
        let (alias, tag) = (version_alias(id, number, &name), version_tag(id, number, &name));
        prop_assert_eq!((version_part(&alias), version_part(&tag)), (Some(VersionPart::Alias(&name)), Some(VersionPart::Tag(&name))));
        prop_assert_eq!(version_number(&tag), Some(number));
        let (one, two) = (versions_between(id, &(other..=other)), versions_between(id, &(other..=other + 1)));
        for (span, key) in [(version_aliases(id, number), &alias), (version_tags(id, number), &tag)] {
            let inside = |key: &Vec<u8>| span.start <= *key && *key < span.end;
            prop_assert!(inside(key) && ![&alias, &tag, &version(id, number)].iter().any(|other| *other != key && inside(other)));
        }
        for key in [alias, tag, version(id, number)] {
            prop_assert_eq!(one.start <= key && key < one.end, number == other);
            prop_assert_eq!(two.start <= key && key < two.end, number == other || number == other + 1);
            prop_assert!(versions(id).start <= key && key < versions(id).end);
        }
    }

    #[test]
    fn a_link_reads_back_and_lies_in_the_spans_of_its_run_and_experiment(experiment in any::<u32>(), run in any::<[u8; 16]>(), other in any::<[u8; 16]>(), numbers in any::<(u32, u32)>()) {
        let (experiment, run) = (ExperimentId(experiment.into()), RunId(run));
        let (model, number) = (ModelId(numbers.0.into()), u64::from(numbers.1));
        let key = version_of_run(experiment, run, model, number);
        prop_assert_eq!(link_of(&key), Some((run, model, number)));
        let inside = |span: Span| span.start <= key && key < span.end;
        prop_assert!(inside(versions_of_experiment(experiment)));
        let guard = versions_guard(experiment);
        for span in [versions_of_experiment(experiment), versions_of_run(experiment, run)] {
            prop_assert!(!(span.start <= guard && guard < span.end));
        }
        prop_assert_eq!(inside(versions_of_run(experiment, RunId(other))), run.0 == other);
    }

    #[test]
    fn any_bytes_read_without_a_panic(bytes in any::<Vec<u8>>()) {
        let _ = (model_part(&bytes), version_part(&bytes), version_number(&bytes), rank_of(&bytes));
        let _ = (update_of(&bytes), link_of(&bytes), model_name_of(&bytes));
    }
}
