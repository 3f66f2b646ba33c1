//! The map from values to places on an axis.

/// A linear or logarithmic axis. Its ends are finite, and the lower one is below the higher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) is_log: bool,
}

/// The part of the range that is added at each end, so that no line lies on the edge.
const ROOM: f64 = 0.04;

impl Scale {
    /// An axis that holds these values. Those that cannot be drawn are left out. `None`: none is left.
    pub(super) fn of(values: impl IntoIterator<Item = f64>, is_log: bool) -> Option<Self> {
        let drawn = values.into_iter().filter(|value| can_draw(*value, is_log));
        let ends = drawn.fold(None, |ends: Option<(f64, f64)>, value| {
            Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        });
        let (low, high) = ends?;
        Some(Scale { low, high, is_log }.with_width())
    }

    /// An axis of one value gets a range around it.
    fn with_width(self) -> Self {
        let Scale { low, high, is_log } = self;
        if low < high {
            return self;
        }
        let (low, high) = if is_log {
            (low / 2.0, high * 2.0)
        } else {
            let room = if low == 0.0 {
                1.0
            } else {
                (low.abs() * 0.05).max(f64::MIN_POSITIVE)
            };
            (low - room, high + room)
        };
        // At the ends of what a float holds nothing is added.
        Scale {
            low: if is_log {
                low.max(f64::MIN_POSITIVE)
            } else {
                low.max(f64::MIN)
            },
            high: high.min(f64::MAX),
            is_log,
        }
    }

    /// The axis with some room at both ends.
    pub(super) fn roomy(self) -> Self {
        let Scale { low, high, is_log } = self;
        let (from, to) = (self.bent(low), self.bent(high));
        let room = (to / 2.0 - from / 2.0) * 2.0 * ROOM;
        let (low, high) = if is_log {
            (
                10f64.powf(from - room).max(f64::MIN_POSITIVE),
                10f64.powf(to + room).min(f64::MAX),
            )
        } else {
            ((low - room).max(f64::MIN), (high + room).min(f64::MAX))
        };
        Scale { low, high, is_log }
    }

    /// The axis from 0, as bars need it.
    pub(super) fn with_zero(self) -> Self {
        Scale {
            low: self.low.min(0.0),
            high: self.high.max(0.0),
            is_log: false,
        }
        .with_width()
    }

    /// True if a value has a place on the axis.
    pub(super) fn can_draw(&self, value: f64) -> bool {
        can_draw(value, self.is_log)
    }

    /// The place of a value that can be drawn: 0 at the lower end and 1 at the higher.
    pub(super) fn place(&self, value: f64) -> f64 {
        let (low, high, value) = (self.bent(self.low), self.bent(self.high), self.bent(value));
        // Halves, since the difference of two finite numbers may be infinite.
        let place = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.5 }
    }

    fn bent(&self, value: f64) -> f64 {
        if self.is_log {
            value.max(f64::MIN_POSITIVE).log10()
        } else {
            value
        }
    }
}

fn can_draw(value: f64, is_log: bool) -> bool {
    value.is_finite() && (!is_log || value >= f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_value_has_a_place(values in proptest::collection::vec(any::<f64>(), 1..20), is_log in any::<bool>()) {
            let Some(scale) = Scale::of(values.iter().copied(), is_log) else {
                return Ok(());
            };
            for scale in [scale, scale.roomy()] {
                prop_assert!(scale.low < scale.high && scale.low.is_finite() && scale.high.is_finite(), "{scale:?}");
                for value in values.iter().filter(|value| scale.can_draw(**value)) {
                    prop_assert!((0.0..=1.0).contains(&scale.place(*value)), "{value} on {scale:?}");
                }
            }
        }
    }

    #[test]
    fn values_lie_in_their_order() {
        let scale = Scale::of([1.0, 100.0], true).unwrap();
        assert_eq!(scale.place(10.0), 0.5);
        assert_eq!(Scale::of([0.0, 10.0], false).unwrap().place(2.5), 0.25);
        assert_eq!(Scale::of([0.0, -1.0, f64::NAN], true), None);
    }
}
