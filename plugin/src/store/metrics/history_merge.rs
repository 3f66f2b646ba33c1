//! Merges a metric's history from the two kinds of records that store it: single points and chunks, each in
//! order.
//!
//! The merge reads nothing itself: it returns the next read request, and its caller adds the result. A point
//! is returned once neither kind can have an earlier one, so both are read only as far as the page reaches.
//! The number of chunks that a page needs is not known before. So each request for chunks asks for more than
//! the one before. A chunk is decoded when its points are needed.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::chunk::CHUNK_POINTS_MAX;
use crate::domain::metric::Point;
use crate::error::Result;

/// Largest number of chunks that are read together.
const CHUNKS_AT_ONCE_MAX: usize = 1_000;

/// The next read: at most `limit` records after a point. `after` is `None` at the beginning.
#[derive(Clone, Copy, Debug)]
pub enum ReadRequest {
    /// Single points.
    Points {
        /// The point after which they lie.
        after: Option<Point>,
        /// Largest number of points to read.
        limit: usize,
    },
    /// Chunks.
    Chunks {
        /// The point after which they end.
        after: Option<Point>,
        /// Largest number of chunks to read.
        limit: usize,
    },
}

/// A chunk as it was read.
#[derive(Clone, Debug)]
pub struct StoredChunk {
    /// The chunk's last point.
    pub last: Point,
    /// All its points in their stored form.
    pub bytes: Vec<u8>,
}

/// Merges one page of a history.
pub struct Merge {
    after: Option<Point>,
    wanted: usize,
    found: Vec<Point>,
    single: Side,
    chunked: Side,
    /// Chunks that are not decoded yet.
    waiting: VecDeque<StoredChunk>,
    chunks_at_once: usize,
}

/// The points of one kind that were read and not yet returned.
struct Side {
    points: std::vec::IntoIter<Point>,
    /// The end of what was read.
    read_to: Option<Point>,
    /// True if there is nothing after it.
    is_whole: bool,
}

impl Side {
    fn new(after: Option<Point>) -> Self {
        Side {
            points: Vec::new().into_iter(),
            read_to: after,
            is_whole: false,
        }
    }

    fn next(&self) -> Option<&Point> {
        self.points.as_slice().first()
    }
}

impl Merge {
    /// Begins a page of `wanted` points after a point. Only the last page has fewer.
    pub fn new(after: Option<Point>, wanted: usize) -> Self {
        Merge {
            after,
            wanted,
            found: Vec::new(),
            single: Side::new(after),
            chunked: Side::new(after),
            waiting: VecDeque::new(),
            chunks_at_once: wanted / CHUNK_POINTS_MAX + 1,
        }
    }

    /// Continues until the page is complete, which returns `None`, or until something must be read. `read`
    /// decodes a chunk.
    pub fn advance(&mut self, read: impl Fn(&[u8]) -> Result<Vec<Point>>) -> Result<Option<ReadRequest>> {
        while self.found.len() < self.wanted {
            if self.single.next().is_none() && !self.single.is_whole {
                return Ok(Some(ReadRequest::Points {
                    after: self.single.read_to,
                    limit: self.wanted - self.found.len(),
                }));
            }
            if self.chunked.next().is_none() {
                if let Some(chunk) = self.waiting.pop_front() {
                    self.take_apart(read(&chunk.bytes)?);
                    continue;
                }
                if !self.chunked.is_whole {
                    return Ok(Some(ReadRequest::Chunks {
                        after: self.chunked.read_to,
                        limit: self.chunks_at_once.min(CHUNKS_AT_ONCE_MAX),
                    }));
                }
            }
            let Some(point) = self.next() else { break };
            self.found.push(point);
        }
        Ok(None)
    }

    /// Adds the requested single points in order. They are fewer than `limit` only at the end.
    pub fn add_points(&mut self, points: Vec<Point>, limit: usize) {
        self.single.is_whole = points.len() < limit;
        self.single.read_to = points.last().copied().or(self.single.read_to);
        self.single.points = points.into_iter();
    }

    /// Adds the requested chunks in order. They are fewer than `limit` only at the end.
    pub fn add_chunks(&mut self, chunks: Vec<StoredChunk>, limit: usize) {
        self.chunked.is_whole = chunks.len() < limit;
        self.chunked.read_to = chunks.last().map(|chunk| chunk.last).or(self.chunked.read_to);
        self.waiting = chunks.into();
        self.chunks_at_once = limit.saturating_mul(2);
    }

    /// Returns the page.
    pub fn into_points(self) -> Vec<Point> {
        self.found
    }

    fn take_apart(&mut self, mut points: Vec<Point>) {
        // A page may begin in the middle of a chunk.
        let is_before = |after: Point| points.partition_point(|point| point.by_time(&after).is_le());
        points.drain(..self.after.map_or(0, is_before));
        self.chunked.points = points.into_iter();
    }

    /// Returns the earlier of both next points. A point that both kinds hold is returned once.
    fn next(&mut self) -> Option<Point> {
        let order = match (self.single.next(), self.chunked.next()) {
            (Some(single), Some(chunked)) => single.by_time(chunked),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => self.single.points.next(),
            Ordering::Greater => self.chunked.points.next(),
            Ordering::Equal => self.single.points.next().and(self.chunked.points.next()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::store::codec::{read_chunk, write_chunk};
    use proptest::prelude::*;

    /// The stored records of a metric, and the number of records that a page has read.
    #[derive(Default)]
    struct FakeStore {
        single: Vec<Point>,
        chunks: Vec<StoredChunk>,
        read: usize,
    }

    impl FakeStore {
        fn page(&mut self, after: Option<Point>, wanted: usize) -> Vec<Point> {
            self.read = 0;
            let behind = |point: &Point, after: Option<Point>| after.is_none_or(|after| point.by_time(&after).is_gt());
            let mut merge = Merge::new(after, wanted);
            while let Some(want) = merge.advance(read_chunk).unwrap() {
                match want {
                    ReadRequest::Points { after, limit } => {
                        let some = self.single.iter().filter(|point| behind(point, after));
                        let some: Vec<Point> = some.take(limit).copied().collect();
                        self.read += some.len();
                        merge.add_points(some, limit);
                    }
                    ReadRequest::Chunks { after, limit } => {
                        let some = self.chunks.iter().filter(|chunk| behind(&chunk.last, after));
                        let some: Vec<StoredChunk> = some.take(limit).cloned().collect();
                        self.read += some.len();
                        merge.add_chunks(some, limit);
                    }
                }
            }
            merge.into_points()
        }

        fn walk(&mut self, size: usize) -> Vec<Point> {
            let mut walked: Vec<Point> = Vec::new();
            loop {
                let page = self.page(walked.last().copied(), size);
                assert!(page.len() <= size);
                let is_last = page.len() < size;
                walked.extend(page);
                if is_last {
                    return walked;
                }
            }
        }
    }

    fn in_order(mut points: Vec<Point>) -> Vec<Point> {
        points.sort_by(Point::by_time);
        points.dedup_by(|a, b| a.by_time(b).is_eq());
        points
    }

    /// Builds consecutive chunks of these lengths.
    fn chunks(points: &[Point], lengths: &[usize]) -> Vec<StoredChunk> {
        let mut rest = points;
        let mut chunks = Vec::new();
        for length in lengths.iter().cycle() {
            let (some, others) = rest.split_at(rest.len().min(*length));
            let Some(last) = some.last() else { break };
            chunks.push(StoredChunk {
                last: *last,
                bytes: write_chunk(some),
            });
            rest = others;
        }
        chunks
    }

    /// The range of times, steps and values is so small that many points are equal.
    fn some_points() -> impl Strategy<Value = Vec<Point>> {
        let value = prop_oneof![Just(f64::NAN), Just(0.0), Just(-0.0), Just(1.0)];
        let point = (value, 0_i64..12, -2_i64..3).prop_map(|(value, time, step)| Point::new(value, time, step));
        prop::collection::vec(point, 0..80)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn paging_returns_every_point_once_and_in_order(
            single in some_points(), chunked in some_points(), lengths in prop::collection::vec(1_usize..9, 1..5), size in 1_usize..40,
        ) {
            let (single, chunked) = (in_order(single), in_order(chunked));
            let expected = in_order([&single[..], &chunked].concat());
            let mut stored = FakeStore { chunks: chunks(&chunked, &lengths), single, read: 0 };
            prop_assert_eq!(format!("{:?}", stored.walk(size)), format!("{expected:?}"));
        }
    }

    #[test]
    fn the_reads_of_a_page_do_not_grow_with_the_history_or_the_cursor() {
        let line = |count: i64, stride: i64| (0..count).map(move |n| Point::new(0.5, n * stride, n));
        for (length, reads_max) in [(8, 30), (CHUNK_POINTS_MAX, 25)] {
            for count in [10_000, 100_000] {
                let chunked: Vec<Point> = line(count, 2).collect();
                let mut stored = FakeStore {
                    single: line(count / 5, 9).collect(),
                    chunks: chunks(&chunked, &[length]),
                    read: 0,
                };
                for after in [None, Some(chunked[5_003]), Some(chunked[9_000])] {
                    assert_eq!(stored.page(after, 20).len(), 20);
                    assert!(stored.read <= reads_max, "{} records of {length}", stored.read);
                }
            }
        }
    }

    #[test]
    fn the_number_of_chunks_read_together_is_bounded() {
        let mut merge = Merge::new(None, usize::MAX);
        merge.add_points(Vec::new(), 1);
        let Some(ReadRequest::Chunks { limit, .. }) = merge.advance(read_chunk).unwrap() else {
            panic!("chunks are wanted");
        };
        assert_eq!(limit, CHUNKS_AT_ONCE_MAX);
    }
}
