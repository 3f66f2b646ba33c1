//! The keys of logged models: `F`, `G` and `K` of the table in `keys.rs`.

use super::{Key, POINT_BYTES, descending, newest_point, read_ascending, read_newest_point, read_point, read_text};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::logged_model::{LoggedModelId, LoggedPoint, MeasuredOn};
use crate::domain::metric::Point;
use crate::host::records::Span;

/// Bytes of a run's id.
const RUN_BYTES: usize = 16;

/// Bytes of a logged model's sort key in the default order: creation time and id. It is the same in all
/// experiments.
pub const SORT_KEY_BYTES: usize = 24;

/// A record under a logged model's id. The first of them is the model itself.
#[derive(Clone, Debug, PartialEq)]
pub enum LoggedPart<'a> {
    /// The model.
    Model,
    /// The newest point of a metric on a dataset.
    Newest(LoggedPoint),
    /// The key of a param.
    Param(&'a str),
    /// The key of a tag.
    Tag(&'a str),
    /// A point.
    Point(LoggedPoint),
}

impl Key {
    fn logged(mut self, id: LoggedModelId) -> Self {
        self.0.extend_from_slice(&id.0);
        self
    }

    fn measured(self, metric: &str, on: &MeasuredOn) -> Self {
        self.text(metric).text(&on.name).text(&on.digest)
    }
}

fn part(id: LoggedModelId, kind: u8) -> Key {
    Key::new(b'F').logged(id).byte(kind)
}

/// Key of a logged model.
pub fn model(id: LoggedModelId) -> Vec<u8> {
    part(id, b'a').0
}

/// Key of a logged model's param.
pub fn param(id: LoggedModelId, key: &str) -> Vec<u8> {
    part(id, b'p').last(key)
}

/// Key of a logged model's tag.
pub fn tag(id: LoggedModelId, key: &str) -> Vec<u8> {
    part(id, b't').last(key)
}

/// Key of one point of a metric. The key is the whole point, so the same point is stored once.
pub fn point(id: LoggedModelId, logged: &LoggedPoint) -> Vec<u8> {
    part(id, b'v')
        .measured(&logged.key, &logged.dataset)
        .point(logged.point)
        .run(logged.run)
        .0
}

/// Key of the newest point of a metric on a dataset.
pub fn newest(id: LoggedModelId, logged: &LoggedPoint) -> Vec<u8> {
    part(id, b'l').measured(&logged.key, &logged.dataset).0
}

/// Writes a point and its run as bytes that sort by (step, time, value): the greatest is the newest.
pub fn newest_value(logged: &LoggedPoint) -> Vec<u8> {
    Key(newest_point(logged.point)).run(logged.run).0
}

/// Span of a logged model's points, by metric, dataset and time.
pub fn points(id: LoggedModelId) -> Span {
    Span::of_prefix(part(id, b'v').0)
}

/// Span of a logged model with everything but its points.
pub fn known_parts(id: LoggedModelId) -> Span {
    Span {
        start: Key::new(b'F').logged(id).0,
        end: part(id, b'v').0,
    }
}

/// Reads a record under a logged model's id.
pub fn logged_part<'a>(key: &'a [u8], value: &[u8]) -> Option<LoggedPart<'a>> {
    let (kind, rest) = key.get(17..)?.split_first()?;
    let text = || std::str::from_utf8(rest).ok();
    match kind {
        b'a' => Some(LoggedPart::Model),
        b'l' => {
            let (point, run) = value.split_at_checked(POINT_BYTES)?;
            measured(rest, read_newest_point(point)?, run).map(LoggedPart::Newest)
        }
        b'p' => text().map(LoggedPart::Param),
        b't' => text().map(LoggedPart::Tag),
        b'v' => {
            let (named, sort_key) = rest.split_at_checked(rest.len().checked_sub(POINT_BYTES + RUN_BYTES)?)?;
            let (point, run) = sort_key.split_first_chunk()?;
            measured(named, read_point(point)?, run).map(LoggedPart::Point)
        }
        _ => None,
    }
}

fn measured(named: &[u8], point: Point, run: &[u8]) -> Option<LoggedPoint> {
    let (key, rest) = read_text(named)?;
    let (name, rest) = read_text(rest)?;
    let (digest, rest) = read_text(rest)?;
    rest.is_empty().then_some(())?;
    Some(LoggedPoint {
        key,
        dataset: MeasuredOn { name, digest },
        run: RunId(run.try_into().ok()?),
        point,
    })
}

/// Sort key of a logged model in the default order: newest first, then by id.
pub fn logged_model_sort_key(creation_time_ms: i64, id: LoggedModelId) -> Vec<u8> {
    Key(Vec::with_capacity(SORT_KEY_BYTES))
        .number(descending(creation_time_ms))
        .logged(id)
        .0
}

/// Returns the sort key that ends a list's key.
pub fn sort_key_in(key: &[u8]) -> Option<&[u8]> {
    key.last_chunk::<SORT_KEY_BYTES>().map(<[u8; SORT_KEY_BYTES]>::as_slice)
}

/// Returns the creation time and the id of a sort key.
pub fn read_sort_key(sort_key: &[u8]) -> Option<(i64, LoggedModelId)> {
    let (time, id) = sort_key.split_first_chunk::<8>()?;
    Some((
        read_ascending(time.map(|byte| !byte)),
        LoggedModelId(id.try_into().ok()?),
    ))
}

/// A list of logged models in default order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List<'a> {
    /// All logged models of an experiment.
    Experiment(ExperimentId),
    /// The logged models of an experiment with this name.
    Name(ExperimentId, &'a str),
}

impl List<'_> {
    fn prefix(&self) -> Key {
        match self {
            List::Experiment(experiment) => Key::new(b'G').experiment(*experiment),
            List::Name(experiment, name) => Key::new(b'K').experiment(*experiment).text(name),
        }
    }

    /// Key of a sort key in the list.
    pub fn at(&self, sort_key: &[u8]) -> Vec<u8> {
        let mut key = self.prefix().0;
        key.extend_from_slice(sort_key);
        key
    }

    /// Span of the list after a sort key. With an empty sort key it is the whole list.
    pub fn behind(&self, sort_key: &[u8]) -> Span {
        let mut end = self.prefix().0;
        let all = Span {
            start: end.clone(),
            end: {
                end.extend_from_slice(&[255; SORT_KEY_BYTES]);
                end
            },
        };
        if sort_key.is_empty() {
            all
        } else {
            all.after(&self.at(sort_key))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn a_point() -> impl Strategy<Value = LoggedPoint> {
        let texts = any::<(String, String, String)>();
        let finite = any::<f64>().prop_filter("finite", |value| value.is_finite());
        (texts, any::<[u8; 16]>(), finite, any::<(i64, i64)>()).prop_map(|(texts, run, value, times)| {
            let (key, name, digest) = texts;
            LoggedPoint {
                key,
                dataset: MeasuredOn { name, digest },
                run: RunId(run),
                point: Point::new(value, times.0, times.1),
            }
        })
    }

    proptest! {
        #[test]
        fn parts_read_back_and_lie_in_their_span(id in any::<[u8; 16]>(), logged in a_point(), text in any::<String>()) {
            let id = LoggedModelId(id);
            let known = known_parts(id);
            for (key, value, part) in [
                (model(id), vec![], LoggedPart::Model),
                (newest(id, &logged), newest_value(&logged), LoggedPart::Newest(logged.clone())),
                (param(id, &text), vec![], LoggedPart::Param(&text)),
                (tag(id, &text), vec![], LoggedPart::Tag(&text)),
            ] {
                prop_assert!(known.start <= key && key < known.end);
                prop_assert_eq!(logged_part(&key, &value), Some(part));
            }
            let (key, points) = (point(id, &logged), points(id));
            prop_assert!(points.start <= key && key < points.end && key >= known.end);
            prop_assert_eq!(logged_part(&key, &[]), Some(LoggedPart::Point(logged)));
        }

        #[test]
        fn the_newest_is_by_step_time_and_value(a in a_point(), b in a_point()) {
            prop_assume!(a.point.by_step(&b.point).is_ne());
            prop_assert_eq!(newest_value(&a).cmp(&newest_value(&b)), a.point.by_step(&b.point));
        }

        #[test]
        fn sort_keys_are_newest_first_then_by_id(a in any::<(i64, [u8; 16])>(), b in any::<(i64, [u8; 16])>(), name in any::<String>()) {
            let [first, second] = [&a, &b].map(|(time, id)| logged_model_sort_key(*time, LoggedModelId(*id)));
            prop_assert_eq!(first.cmp(&second), b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            for list in [List::Experiment(ExperimentId(7)), List::Name(ExperimentId(7), &name)] {
                let (key, all, rest) = (list.at(&first), list.behind(&[]), list.behind(&second));
                prop_assert!(all.start <= key && key < all.end);
                prop_assert_eq!(sort_key_in(&key), Some(&first[..]));
                prop_assert_eq!(read_sort_key(&first), Some((a.0, LoggedModelId(a.1))));
                prop_assert_eq!(rest.start <= key, second < first);
            }
        }

        #[test]
        fn any_bytes_read_without_a_panic(key in any::<Vec<u8>>(), value in any::<Vec<u8>>()) {
            let _ = (logged_part(&key, &value).is_some(), sort_key_in(&key).and_then(read_sort_key));
        }
    }
}
