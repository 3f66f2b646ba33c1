//! Extents: the objects, in their order, that hold the bytes of a file.

use std::ops::Range;

use super::object_id::ObjectId;
use crate::storage::ByteRange;

/// An object with a part of a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) object: ObjectId,
    pub(super) size: u64,
}

/// A range of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) object: ObjectId,
    pub(super) range: Range<u64>,
}

/// The slices that hold a part of a file. None is empty.
pub(super) fn slices(extents: &[Extent], ByteRange { offset, length }: ByteRange) -> Vec<Slice> {
    let wanted = offset..offset.saturating_add(length);
    let mut slices = Vec::new();
    let mut begin = 0_u64;
    for extent in extents {
        let end = begin.saturating_add(extent.size);
        let (from, to) = (wanted.start.max(begin), wanted.end.min(end));
        if from < to {
            slices.push(Slice {
                object: extent.object,
                range: from - begin..to - begin,
            });
        }
        begin = end;
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_file_is_cut_out_of_its_objects() {
        let object = ObjectId::first_of;
        let extents = [(1, 10), (2, 5), (3, 20)].map(|(id, size)| Extent {
            object: object(id),
            size,
        });
        let cut = |offset, length| -> Vec<(u64, Range<u64>)> {
            let slices = slices(&extents, ByteRange { offset, length });
            slices
                .into_iter()
                .map(|slice| (slice.object.made_ms, slice.range))
                .collect()
        };
        assert_eq!(cut(0, u64::MAX), [(1, 0..10), (2, 0..5), (3, 0..20)]);
        assert_eq!(cut(9, 7), [(1, 9..10), (2, 0..5), (3, 0..1)]);
        assert_eq!(cut(10, 5), [(2, 0..5)]);
        for (offset, length) in [(0, 0), (35, 1), (u64::MAX, u64::MAX)] {
            assert_eq!(cut(offset, length), []);
        }
    }
}
