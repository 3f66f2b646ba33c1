//! Packed runs: the metrics, params and tags of a run in one record, so that a page of runs reads a record a
//! run. Later values are stored beside it and override it, until compaction merges them.

use std::borrow::Cow;

use crate::convert::to_u64;
use crate::domain::metric::{Metric, Point};
use crate::domain::run::TextPair;
use crate::error::Result;
use crate::store::codec::{Reader, Writer};
use crate::store::keys;

/// Largest number of bytes of a packed run. A larger record is not written, and the run stays as it is. The
/// limit is above the tags of any new run. The record is rewritten for later values.
pub const PACKED_BYTES_MAX: usize = 8 << 20;

/// The stored value of a removed tag, until the run is compacted. No text has this byte.
pub const REMOVED_TAG: &[u8] = &[0xff];

/// The compacted values of a run. Their texts lie in the record that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackedRun<'a> {
    /// The run's row in the columns of its experiment, which never changes. `None`: the run has no row yet.
    pub row: Option<u64>,
    /// The newest points, by key.
    pub metrics: Vec<Metric<'a>>,
    /// The params, by key.
    pub params: Vec<TextPair<'a>>,
    /// The tags, by key.
    pub tags: Vec<TextPair<'a>>,
}

/// The values of a run that are not compacted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunDelta {
    /// The newest points, by key.
    pub metrics: Vec<(String, Point)>,
    /// The params, by key.
    pub params: Vec<(String, String)>,
    /// The tags, by key. `None`: the tag was removed.
    pub tags: Vec<(String, Option<String>)>,
}

impl RunDelta {
    /// True if there are no values.
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty() && self.params.is_empty() && self.tags.is_empty()
    }
}

impl<'a> PackedRun<'a> {
    /// Returns the packed run merged with later values.
    #[must_use]
    pub fn with(self, loose: &'a RunDelta) -> Self {
        if loose.is_empty() {
            return self;
        }
        let metrics = loose.metrics.iter().map(|(key, point)| Metric {
            key: key.into(),
            point: *point,
        });
        let newest = |one: Metric<'a>, other: Metric<'a>| {
            let is_older = keys::newest_point(one.point) < keys::newest_point(other.point);
            if is_older { other } else { one }
        };
        let params = loose.params.iter().map(|(key, value)| (key.into(), value.into()));
        let tags = self.tags.into_iter().map(|(key, value)| (key, Some(value)));
        let loose_tags = loose.tags.iter();
        let loose_tags = loose_tags.map(|(key, value)| (key.into(), value.as_ref().map(Cow::from)));
        let tags = merged(tags, loose_tags, |(key, _)| key, |_, later| later);
        PackedRun {
            row: self.row,
            metrics: merged(self.metrics, metrics, |metric| &metric.key, newest),
            params: merged(self.params, params, |(key, _)| key, |_, later| later),
            tags: tags
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .collect(),
        }
    }

    /// Writes the packed run in its stored form.
    pub fn write(&self) -> Vec<u8> {
        let row = self.row.map_or(0, |row| row.saturating_add(1));
        let mut writer = Writer::new().compact(row).compact(count(&self.metrics));
        for Metric { key, point } in &self.metrics {
            writer = writer
                .compact_text(key)
                .number(point.value.to_bits())
                .compact_signed(point.step)
                .compact_signed(point.timestamp_ms);
        }
        for pairs in [&self.params, &self.tags] {
            writer = writer.compact(count(pairs));
            for (key, value) in pairs {
                writer = writer.compact_text(key).compact_text(value);
            }
        }
        writer.0
    }

    /// Reads a packed run that `write` wrote.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new("packed run", bytes)?;
        let row = reader.compact()?.checked_sub(1);
        let mut metrics = Vec::new();
        for _ in 0..reader.compact()? {
            metrics.push(Metric {
                key: reader.compact_str()?.into(),
                point: Point {
                    value: f64::from_bits(reader.number()?),
                    step: reader.compact_signed()?,
                    timestamp_ms: reader.compact_signed()?,
                },
            });
        }
        let params = read_pairs(&mut reader)?;
        let tags = read_pairs(&mut reader)?;
        reader.end(PackedRun {
            row,
            metrics,
            params,
            tags,
        })
    }

    /// Returns the newest point of a metric.
    pub fn metric(&self, key: &str) -> Option<Point> {
        let found = self
            .metrics
            .binary_search_by(|metric| metric.key.as_ref().cmp(key))
            .ok()?;
        self.metrics.get(found).map(|metric| metric.point)
    }

    /// Returns the value of a param.
    pub fn param(&self, key: &str) -> Option<&str> {
        of_key(&self.params, key)
    }

    /// Returns the value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        of_key(&self.tags, key)
    }
}

/// Merges two lists that are sorted by key. `both` merges two items with one key.
fn merged<T>(
    first: impl IntoIterator<Item = T>,
    second: impl IntoIterator<Item = T>,
    key: impl for<'t> Fn(&'t T) -> &'t str,
    both: impl Fn(T, T) -> T,
) -> Vec<T> {
    let (first, mut second) = (first.into_iter(), second.into_iter().peekable());
    let mut all = Vec::with_capacity(first.size_hint().0 + second.size_hint().0);
    for item in first {
        while let Some(earlier) = second.next_if(|other| key(other) < key(&item)) {
            all.push(earlier);
        }
        let same = second.next_if(|other| key(other) == key(&item));
        all.push(match same {
            Some(same) => both(item, same),
            None => item,
        });
    }
    all.extend(second);
    all
}

fn of_key<'p>(pairs: &'p [TextPair<'_>], key: &str) -> Option<&'p str> {
    let found = pairs.binary_search_by(|(other, _)| other.as_ref().cmp(key)).ok()?;
    pairs.get(found).map(|(_, value)| value.as_ref())
}

fn count<T>(items: &[T]) -> u64 {
    to_u64(items.len())
}

fn read_pairs<'a>(reader: &mut Reader<'a>) -> Result<Vec<TextPair<'a>>> {
    let mut pairs = Vec::new();
    for _ in 0..reader.compact()? {
        pairs.push((reader.compact_str()?.into(), reader.compact_str()?.into()));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
        prop::collection::btree_map("[a-c]{0,2}", any::<String>(), 0..4).prop_map(|pairs| pairs.into_iter().collect())
    }

    fn metrics() -> impl Strategy<Value = Vec<(String, Point)>> {
        let point = (
            prop_oneof![any::<i32>().prop_map(f64::from), Just(0.5)],
            0..i64::MAX,
            any::<i64>(),
        );
        prop::collection::btree_map("[a-c]{0,2}", point, 0..4).prop_map(|metrics| {
            let metric = |(key, (value, time, step))| (key, Point::new(value, time, step));
            metrics.into_iter().map(metric).collect()
        })
    }

    fn packed() -> impl Strategy<Value = PackedRun<'static>> {
        let owned = |pairs: Vec<(String, String)>| pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        (prop::option::of(0..u64::MAX), metrics(), pairs(), pairs()).prop_map(move |(row, metrics, params, tags)| {
            PackedRun {
                row,
                metrics: metrics
                    .into_iter()
                    .map(|(key, point)| Metric { key: key.into(), point })
                    .collect(),
                params: owned(params),
                tags: owned(tags),
            }
        })
    }

    fn loose() -> impl Strategy<Value = RunDelta> {
        let tags = prop::collection::btree_map("[a-c]{0,2}", any::<Option<String>>(), 0..4);
        (metrics(), pairs(), tags).prop_map(|(metrics, params, tags)| RunDelta {
            metrics,
            params,
            tags: tags.into_iter().collect(),
        })
    }

    /// Merges two deltas as if their values were logged at once.
    fn at_once(first: &RunDelta, second: &RunDelta) -> RunDelta {
        let values = |loose: &RunDelta| RunDelta {
            tags: Vec::new(),
            ..loose.clone()
        };
        let (first_values, second_values) = (values(first), values(second));
        let packed = PackedRun::default();
        let packed = packed.with(&first_values).with(&second_values);
        let mut tags: BTreeMap<_, _> = first.tags.iter().cloned().collect();
        tags.extend(second.tags.iter().cloned());
        RunDelta {
            metrics: packed
                .metrics
                .iter()
                .map(|metric| (metric.key.to_string(), metric.point))
                .collect(),
            params: packed
                .params
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
            tags: tags.into_iter().collect(),
        }
    }

    proptest! {
        #[test]
        fn a_packed_run_reads_back(packed in packed()) {
            let bytes = packed.write();
            prop_assert_eq!(PackedRun::read(&bytes), Ok(packed));
        }

        #[test]
        fn numbers_read_back(number in any::<u64>(), signed in any::<i64>()) {
            let writer = Writer::new().compact(number).compact_signed(signed);
            let mut reader = Reader::new("numbers", &writer.0).unwrap();
            prop_assert_eq!((reader.compact(), reader.compact_signed()), (Ok(number), Ok(signed)));
        }

        #[test]
        fn later_values_override_and_keys_stay_sorted(packed in packed(), loose in loose()) {
            let mut params: BTreeMap<_, _> = packed.params.iter().cloned().collect();
            params.extend(loose.params.iter().map(|(key, value)| (key.into(), value.into())));
            let mut tags: BTreeMap<_, _> = packed.tags.iter().cloned().map(|(key, value)| (key, Some(value))).collect();
            tags.extend(loose.tags.iter().map(|(key, value)| (key.into(), value.as_ref().map(Cow::from))));
            tags.retain(|_, value| value.is_some());
            let points = packed.metrics.iter().map(|metric| (metric.key.clone(), metric.point));
            let mut points: Vec<_> = points.chain(loose.metrics.iter().map(|(key, point)| (key.into(), *point))).collect();
            points.sort_by_key(|(_, point)| keys::newest_point(*point));
            let metrics: BTreeMap<_, _> = points.into_iter().collect();
            let both = packed.clone().with(&loose);
            prop_assert!(both.params.into_iter().eq(params));
            prop_assert!(both.tags.into_iter().map(|(key, value)| (key, Some(value))).eq(tags));
            prop_assert!(both.metrics.into_iter().map(|metric| (metric.key, metric.point)).eq(metrics));
        }

        #[test]
        fn compacting_twice_equals_compacting_once(start in packed(), first in loose(), second in loose()) {
            let both = at_once(&first, &second);
            prop_assert_eq!(start.clone().with(&first).with(&second), start.with(&both));
        }

        #[test]
        fn values_are_found_by_key(packed in packed()) {
            for (key, value) in &packed.params {
                prop_assert_eq!(packed.param(key), Some(value.as_ref()));
            }
            prop_assert_eq!(packed.tag("no such key"), None);
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = 1;
            }
            let _ = PackedRun::read(&bytes);
        }
    }
}
