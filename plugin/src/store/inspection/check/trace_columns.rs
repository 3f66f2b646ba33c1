//! Columns of traces: they have what the traces have, unless one of the part is dirty.

use super::{Check, Repair, Source};
use crate::domain::id::ExperimentId;
use crate::domain::trace::id::TraceId;
use crate::error::Result;
use crate::store::codec::trace_columns::{BlockRef, read_directory, read_rows, write_trace_marker};
use crate::store::codec::traces::read_trace;
use crate::store::keys::{Family, ReadKey, trace_columns as keys, traces};
use crate::store::traces::packed::columns::{ROWS_TOGETHER, TraceRow, build};

pub(super) fn check<S: Source>(check: &mut Check<S>, read: &ReadKey, value: &[u8]) -> Result<()> {
    if read.family != Family::TraceDirectory {
        return Ok(());
    }
    let experiment = ExperimentId(read.number("experiment").unwrap_or_default());
    let blocks = read_directory(value)?.parts.into_iter().filter_map(|part| part.block);
    for block in blocks {
        check_block(check, experiment, block)?;
    }
    Ok(())
}

fn check_block<S: Source>(check: &mut Check<S>, experiment: ExperimentId, block: BlockRef) -> Result<()> {
    let Some(places) = places(check, experiment, block)? else {
        return Ok(());
    };
    let mut rows = Vec::with_capacity(places.len());
    for (start_ms, id) in &places {
        let marker = keys::marker(experiment, *start_ms, id);
        if check.exists(&marker)? {
            return Ok(());
        }
        let stored = check.source.get(&traces::trace(id))?;
        match stored.and_then(|value| read_trace(id, &value).ok()) {
            Some(trace) if trace.start_ms == *start_ms && trace.experiment == experiment => {
                rows.push(TraceRow::of(&trace))
            }
            _ => {
                let text = format!("columns of experiment {experiment} show trace {id}, which is not there");
                // Searches read a trace with a marker, and compaction then builds its columns again.
                check.found(text, Some(Repair::Put(marker, write_trace_marker(0))));
                return Ok(());
            }
        }
    }
    for (column, value) in build(&rows)?.columns {
        let what = format!(
            "{column:?} of the traces in block {} of experiment {experiment}",
            block.number
        );
        check.expect(&what, keys::column(experiment, block.number, &column), value)?;
    }
    Ok(())
}

/// The starts and ids of a block's traces. `None`: they are not as many as the directory says.
fn places<S: Source>(
    check: &mut Check<S>,
    experiment: ExperimentId,
    block: BlockRef,
) -> Result<Option<Vec<(i64, TraceId)>>> {
    let mut places = Vec::new();
    for record in (0..).take(usize::from(block.rows).div_ceil(ROWS_TOGETHER)) {
        let stored = check.source.get(&keys::rows(experiment, block.number, record))?;
        places.extend(stored.and_then(|value| read_rows(&value).ok()).unwrap_or_default());
    }
    if places.len() == usize::from(block.rows) {
        return Ok(Some(places));
    }
    let text = format!(
        "block {} of traces of experiment {experiment} has {} rows instead of {}",
        block.number,
        places.len(),
        block.rows
    );
    check.found(text, None);
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::{Records, apply, problems};
    use super::*;
    use crate::domain::trace::Trace;
    use crate::store::codec::trace_columns::{Directory, Part, write_directory};
    use crate::store::codec::traces::write_trace;
    use crate::store::keys::traces::places;

    const EXPERIMENT: ExperimentId = ExperimentId(3);

    /// A trace with its lists and columns, and the keys of its columns.
    fn packed() -> (Records, Trace, Vec<Vec<u8>>) {
        let mut trace = Trace::new(TraceId::stored("tr-7"), EXPERIMENT, "", 5);
        trace.tags.insert("team".to_owned(), "vision".to_owned());
        let built = build(&[TraceRow::of(&trace)]).unwrap();
        let block = BlockRef {
            number: 9,
            rows: 1,
            is_whole: built.is_whole,
        };
        let directory = Directory {
            next_block: 10,
            parts: vec![Part {
                first: (5, trace.id.clone()),
                block: Some(block),
            }],
        };
        let mut records = Records::from([
            (traces::trace(&trace.id), write_trace(&trace)),
            (keys::directory(EXPERIMENT), write_directory(&directory)),
            (keys::rows(EXPERIMENT, 9, 0), built.rows.concat()),
        ]);
        records.extend(places(&trace).into_iter().map(|place| (place, Vec::new())));
        let columns = built.columns.into_iter();
        let columns: Vec<_> = columns
            .map(|(column, value)| (keys::column(EXPERIMENT, 9, &column), value))
            .collect();
        records.extend(columns.iter().cloned());
        (records, trace, columns.into_iter().map(|(key, _)| key).collect())
    }

    #[test]
    fn a_column_that_differs_from_its_traces_is_put_right() {
        let (whole, _, columns) = packed();
        assert_eq!(problems(&whole), []);
        for column in columns {
            let mut records = whole.clone();
            records.remove(&column);
            let found = problems(&records);
            assert_eq!(found.len(), 1);
            apply(&mut records, &found);
            assert_eq!(records, whole);
        }
    }

    #[test]
    fn a_trace_that_only_columns_show_becomes_dirty() {
        let (mut records, trace, _) = packed();
        records.remove(&traces::trace(&trace.id));
        places(&trace).iter().for_each(|place| _ = records.remove(place));
        let found = problems(&records);
        assert_eq!(found.len(), 1);
        apply(&mut records, &found);
        assert!(records.contains_key(&keys::marker(EXPERIMENT, 5, &trace.id)));
        assert_eq!(problems(&records), []);
    }
}
