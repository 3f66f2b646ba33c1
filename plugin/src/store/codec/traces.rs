//! The stored form of traces.

use std::collections::{BTreeMap, BTreeSet};

use super::{Reader, Writer};
use crate::domain::id::ExperimentId;
use crate::domain::trace::assessment::{Assessment, Content, SourceType};
use crate::domain::trace::id::TraceId;
use crate::domain::trace::{Trace, TraceState};
use crate::error::Result;

/// Writes a trace; its id is in the key.
pub fn write_trace(trace: &Trace) -> Vec<u8> {
    let text = |writer: Writer, text: &String| writer.text(text);
    let writer = Writer::new()
        .number(trace.experiment.0)
        .byte(u8::try_from(trace.state.number()).unwrap_or(0))
        .signed(trace.start_ms)
        .optional(trace.duration_ms, Writer::signed)
        .optional(trace.client_request_id.as_ref(), text)
        .optional(trace.request_preview.as_ref(), text)
        .optional(trace.response_preview.as_ref(), text)
        .byte(u8::from(trace.is_final))
        .byte(u8::from(trace.has_usage))
        .number(trace.batches)
        .text(&trace.artifact_uri)
        .map(&trace.tags)
        .map(&trace.metadata)
        .set(&trace.runs)
        .set(&trace.prompts)
        .length(trace.assessments.len());
    trace.assessments.iter().fold(writer, Writer::assessment).0
}

/// Reads a trace.
pub fn read_trace(id: &TraceId, bytes: &[u8]) -> Result<Trace> {
    let mut reader = Reader::new("trace", bytes)?;
    let trace = Trace {
        id: id.clone(),
        experiment: ExperimentId(reader.number()?),
        state: {
            let number = i64::from(reader.byte()?);
            let found = TraceState::ALL.iter().find(|(other, _, _)| *other == number);
            found.map(|(_, _, state)| *state).ok_or_else(|| reader.corrupt())?
        },
        start_ms: reader.signed()?,
        duration_ms: reader.optional(Reader::signed)?,
        client_request_id: reader.optional(Reader::text)?,
        request_preview: reader.optional(Reader::text)?,
        response_preview: reader.optional(Reader::text)?,
        is_final: reader.flag()?,
        has_usage: reader.flag()?,
        batches: reader.number()?,
        artifact_uri: reader.text()?,
        tags: reader.map()?,
        metadata: reader.map()?,
        runs: reader.set()?,
        prompts: reader.set()?,
        assessments: {
            let count = reader.length()?;
            (0..count).map(|_| reader.assessment()).collect::<Result<_>>()?
        },
    };
    reader.end(trace)
}

impl Writer {
    fn map(self, map: &BTreeMap<String, String>) -> Self {
        let pair = |writer: Self, (key, value): (&String, &String)| writer.text(key).text(value);
        map.iter().fold(self.length(map.len()), pair)
    }

    fn set(self, set: &BTreeSet<String>) -> Self {
        set.iter()
            .fold(self.length(set.len()), |writer, text| writer.text(text))
    }

    fn assessment(self, assessment: &Assessment) -> Self {
        let text = |writer: Writer, text: &String| writer.text(text);
        let kind = SourceType::ALL
            .iter()
            .find(|(_, _, kind)| *kind == assessment.source_type);
        self.text(&assessment.id)
            .text(&assessment.name)
            .optional(assessment.span.as_ref(), text)
            .byte(kind.map_or(0, |(number, _, _)| *number))
            .text(&assessment.source)
            .signed(assessment.created_ms)
            .signed(assessment.updated_ms)
            .content(&assessment.content)
            .optional(assessment.rationale.as_ref(), text)
            .map(&assessment.metadata)
            .optional(assessment.overrides.as_ref(), text)
            .byte(u8::from(assessment.valid))
    }

    fn content(self, content: &Content) -> Self {
        match content {
            Content::Feedback { value, error } => self
                .byte(0)
                .text(value)
                .optional(error.as_ref(), |writer, error| writer.text(error)),
            Content::Expectation { value } => self.byte(1).text(value),
            Content::Serialized { format, text } => self.byte(2).text(format).text(text),
            Content::Issue { name } => self.byte(3).text(name),
        }
    }
}

impl Reader<'_> {
    fn flag(&mut self) -> Result<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt()),
        }
    }

    fn map(&mut self) -> Result<BTreeMap<String, String>> {
        let count = self.length()?;
        (0..count).map(|_| Ok((self.text()?, self.text()?))).collect()
    }

    fn set(&mut self) -> Result<BTreeSet<String>> {
        let count = self.length()?;
        (0..count).map(|_| self.text()).collect()
    }

    fn assessment(&mut self) -> Result<Assessment> {
        Ok(Assessment {
            id: self.text()?,
            name: self.text()?,
            span: self.optional(Reader::text)?,
            source_type: {
                let number = self.byte()?;
                let found = SourceType::ALL.iter().find(|(other, _, _)| *other == number);
                found.map(|(_, _, kind)| *kind).ok_or_else(|| self.corrupt())?
            },
            source: self.text()?,
            created_ms: self.signed()?,
            updated_ms: self.signed()?,
            content: self.content()?,
            rationale: self.optional(Reader::text)?,
            metadata: self.map()?,
            overrides: self.optional(Reader::text)?,
            valid: self.flag()?,
        })
    }

    fn content(&mut self) -> Result<Content> {
        Ok(match self.byte()? {
            0 => Content::Feedback {
                value: self.text()?,
                error: self.optional(Reader::text)?,
            },
            1 => Content::Expectation { value: self.text()? },
            2 => Content::Serialized {
                format: self.text()?,
                text: self.text()?,
            },
            3 => Content::Issue { name: self.text()? },
            _ => return Err(self.corrupt()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::trace::tests::a_trace;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_trace_reads_back(trace in a_trace()) {
            prop_assert_eq!(read_trace(&trace.id, &write_trace(&trace)), Ok(trace));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = crate::store::codec::VERSION;
            }
            let _ = read_trace(&TraceId::stored("t"), &bytes);
        }
    }
}
