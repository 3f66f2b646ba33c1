//! The zone map of an experiment: for each block its runs' first and last start time and its revision, and
//! the number of all rows. A search in default order reads the newest blocks and no others.

use super::slot_bitmap::SLOTS;
use crate::convert::to_u64;
use crate::error::Result;
use crate::store::codec::{Reader, Writer};

/// The blocks of one experiment, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneMap {
    /// Number of rows that were given to runs, which is the row of the next run.
    pub rows: u64,
    /// Counts changes of blocks, beginning at a random number. So an experiment of another project never has
    /// the same revision.
    revision: u64,
    blocks: Vec<Zone>,
}

/// The runs of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Latest start time, in milliseconds since the Unix epoch.
    pub newest_ms: i64,
    /// Earliest start time, in milliseconds since the Unix epoch.
    pub oldest_ms: i64,
    /// The revision of the block's last change. While it is the same, all compacted data of its runs is the
    /// same.
    pub revision: u64,
}

impl ZoneMap {
    /// Begins the zone map of an experiment of which nothing is compacted yet.
    pub fn begin(random: u64) -> Self {
        ZoneMap {
            revision: random,
            ..ZoneMap::default()
        }
    }

    /// Number of slots of a block that were given to runs.
    pub fn rows_in_block(&self, block: u32) -> u16 {
        let slots = to_u64(SLOTS);
        let rows_in_block = self.rows.saturating_sub(u64::from(block) * slots).min(slots);
        u16::try_from(rows_in_block).unwrap_or(0)
    }
}

/// Returns the row of a block's slot.
pub fn row_of(block: u32, slot: u16) -> u64 {
    u64::from(block) * to_u64(SLOTS) + u64::from(slot)
}

/// Returns the block and the slot of a row.
pub fn block_and_slot(row: u64) -> (u32, usize) {
    let slots = to_u64(SLOTS);
    (
        u32::try_from(row / slots).unwrap_or(u32::MAX),
        usize::try_from(row % slots).unwrap_or(0),
    )
}

impl ZoneMap {
    /// Gives the next row to a run with this start time, and returns it.
    pub fn add(&mut self, start_time_ms: i64) -> u64 {
        let row = self.rows;
        self.rows += 1;
        let (block, _) = block_and_slot(row);
        match usize::try_from(block).ok().and_then(|block| self.blocks.get_mut(block)) {
            Some(zone) => {
                zone.newest_ms = zone.newest_ms.max(start_time_ms);
                zone.oldest_ms = zone.oldest_ms.min(start_time_ms);
            }
            None => self.blocks.push(Zone {
                newest_ms: start_time_ms,
                oldest_ms: start_time_ms,
                revision: 0,
            }),
        }
        row
    }

    /// Gives a new revision to blocks whose data changes in the same commit.
    pub fn bump(&mut self, blocks: impl IntoIterator<Item = u32>) {
        self.revision = self.revision.wrapping_add(1);
        for block in blocks {
            if let Some(zone) = usize::try_from(block).ok().and_then(|block| self.blocks.get_mut(block)) {
                zone.revision = self.revision;
            }
        }
    }

    /// Returns a block's zone. `None`: there is no such block.
    pub fn block(&self, number: u32) -> Option<&Zone> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    /// Returns the zones with the numbers of their blocks.
    pub fn blocks(&self) -> impl Iterator<Item = (u32, Zone)> {
        (0..).zip(self.blocks.iter().copied())
    }

    /// Writes the zone map in its stored form.
    pub fn write(&self) -> Vec<u8> {
        let writer = Writer::new().number(self.rows).number(self.revision);
        let block = |writer: Writer, zone: &Zone| {
            let writer = writer.signed(zone.newest_ms).signed(zone.oldest_ms);
            writer.number(zone.revision)
        };
        self.blocks.iter().fold(writer, block).0
    }

    /// Reads a zone map that `write` wrote.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("zones", bytes)?;
        let (rows, revision) = (reader.number()?, reader.number()?);
        let mut blocks = Vec::new();
        while !reader.is_at_end() {
            blocks.push(Zone {
                newest_ms: reader.signed()?,
                oldest_ms: reader.signed()?,
                revision: reader.number()?,
            });
        }
        Ok(ZoneMap { rows, revision, blocks })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn zones_span_their_runs_and_read_back(starts in prop::collection::vec(any::<i64>(), 0..1_200)) {
            let mut zones = ZoneMap::begin(u64::MAX);
            let rows: Vec<u64> = starts.iter().map(|start| zones.add(*start)).collect();
            zones.bump([1]);
            zones.bump([0, 7]);
            let read = ZoneMap::read(&zones.write()).unwrap();
            prop_assert_eq!(&read, &zones);
            let blocks: Vec<(u32, Zone)> = read.blocks().collect();
            prop_assert_eq!(blocks.len(), starts.len().div_ceil(SLOTS));
            for (row, start) in rows.into_iter().zip(&starts) {
                let zone = blocks[usize::try_from(block_and_slot(row).0).unwrap()].1;
                prop_assert!(zone.oldest_ms <= *start && *start <= zone.newest_ms);
            }
            let revision: Vec<u64> = blocks.iter().map(|(_, zone)| zone.revision).collect();
            prop_assert!([1, 0, 0].starts_with(&revision));
        }
    }
}
