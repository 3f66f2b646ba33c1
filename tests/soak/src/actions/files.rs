//! Changes of artifacts: uploads of whole files and in parts, replacements and deletions.

use anyhow::{Context, Result};
use hyper::header::{HeaderName, HeaderValue};
use mlforge_bench::client::Call;
use mlforge_bench::dice::Dice;
use serde_json::{Value, json};

use super::runs;
use crate::api::{list, text};
use crate::expected::{Contents, Expected, Part, Upload};
use crate::step::{Draw, Piece, Step};

/// Paths of files of a run. No path is the directory of another.
const PATHS: [&str; 5] = ["a.bin", "b.bin", "dir/a.bin", "dir/sub/c.bin", "model/MLmodel"];
/// Maximum number of uploads of a caller at the same time.
const UPLOADS_MAX: usize = 4;
/// Maximum number of parts of a file.
const PARTS: u64 = 4;

/// The contents of a new file. Most files are small, some are sent as streams.
fn contents(dice: &mut Dice) -> Option<Contents> {
    let length = match dice.below(100) {
        0..60 => dice.below(4 << 10),
        60..85 => dice.below(100 << 10),
        85..97 => dice.within(250 << 10..=400 << 10),
        _ => dice.within(1 << 20..=2 << 20),
    };
    Some(Contents {
        seed: dice.number(),
        length: usize::try_from(length).ok()?,
    })
}

pub(super) fn upload(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = runs::any(draw)?;
    let (path, contents) = (*draw.dice.pick(&PATHS)?, contents(draw.dice)?);
    let address = format!("{}/{path}", draw.expected.root(run));
    let call = draw.target.upload(&address, contents.bytes());
    let step = Step::new(call, Piece::File(index, path.to_owned()), move |expected, _| {
        store(expected, index, path, contents);
        Ok(())
    });
    Some(step.refused_if(run.is_deleted, 400))
}

pub(super) fn delete(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = runs::any(draw)?;
    let path = *draw.dice.pick(&PATHS)?;
    let call = draw.target.remove(&format!("{}/{path}", draw.expected.root(run)));
    let step = Step::new(call, Piece::File(index, path.to_owned()), move |expected, _| {
        if let Some(run) = expected.runs.get_mut(index) {
            run.files.remove(path);
        }
        Ok(())
    });
    Some(step.refused_if(run.is_deleted, 400))
}

pub(super) fn delete_all(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = runs::any(draw)?;
    let call = draw.target.remove(&draw.expected.root(run));
    let step = Step::new(call, Piece::Files(index), move |expected, _| {
        if let Some(run) = expected.runs.get_mut(index) {
            run.files.clear();
        }
        Ok(())
    });
    Some(step.refused_if(run.is_deleted, 400))
}

pub(super) fn begin_upload(draw: &mut Draw<'_>) -> Option<Step> {
    if draw.expected.uploads.len() >= UPLOADS_MAX {
        return None;
    }
    let (index, run) = runs::any(draw)?;
    let path = *draw.dice.pick(&PATHS)?;
    // Only the caller's last request for a file counts. With two uploads of one file, the last one would be
    // hard to determine.
    let is_taken = |upload: &&Upload| upload.run == index && upload.path == path;
    if draw.expected.uploads.iter().find(is_taken).is_some() {
        return None;
    }
    let parts = (0..draw.dice.within(1..=PARTS)).map(|_| contents(draw.dice));
    let parts: Vec<Contents> = parts.collect::<Option<_>>()?;
    let (root, name) = (draw.expected.root(run), path.rsplit('/').next()?);
    let directory = path.strip_suffix(name)?;
    let body = json!({"path": name, "num_parts": parts.len()});
    let call = draw
        .target
        .upload_in_parts("create", &format!("{root}/{directory}"), &body);
    let step = Step::new(call, Piece::Repeatable, move |expected, reply| {
        let credentials = list(&reply.json, "/credentials");
        let parts = parts.into_iter().zip(credentials);
        expected.uploads.push(Upload {
            id: text(&reply.json, "/upload_id")?.to_owned(),
            run: index,
            path: path.to_owned(),
            parts: parts
                .map(|(contents, credential)| part(contents, credential))
                .collect::<Result<_>>()?,
        });
        Ok(())
    });
    Some(step.refused_if(run.is_deleted, 400))
}

fn part(contents: Contents, credential: &Value) -> Result<Part> {
    let url = text(credential, "/url")?;
    // The next server listens on another port.
    let (_, address) = url.split_once("://").context("an address without a scheme")?;
    let (_, address) = address.split_once('/').context("an address without a path")?;
    let headers = credential.pointer("/headers").and_then(Value::as_object);
    let (name, value) = headers
        .and_then(|headers| headers.iter().next())
        .context("a part without a header")?;
    Ok(Part {
        contents,
        address: format!("/{address}"),
        upload_token: (
            name.clone(),
            value.as_str().context("a header that is no text")?.to_owned(),
        ),
        etag: None,
    })
}

pub(super) fn send_part(draw: &mut Draw<'_>) -> Option<Step> {
    let index = draw.dice.index(draw.expected.uploads.len())?;
    let parts = &draw.expected.uploads.get(index)?.parts;
    let missing = parts.iter().enumerate().filter(|(_, part)| part.etag.is_none());
    let (number, part) = draw.dice.pick_from(missing)?;
    let mut call = Call::put(part.address.clone(), part.contents.bytes());
    let (name, value) = &part.upload_token;
    call.headers
        .insert(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?);
    Some(Step::new(call, Piece::Repeatable, move |expected, reply| {
        let etag = reply.headers.get("etag").context("a part without an etag")?.to_str()?;
        let upload = expected.uploads.get_mut(index);
        if let Some(part) = upload.and_then(|upload| upload.parts.get_mut(number)) {
            part.etag = Some(etag.to_owned());
        }
        Ok(())
    }))
}

pub(super) fn complete_upload(draw: &mut Draw<'_>) -> Option<Step> {
    let whole = |upload: &Upload| upload.parts.iter().all(|part| part.etag.is_some());
    let uploads = draw.expected.uploads.iter().enumerate();
    let (index, upload) = draw.dice.pick_from(uploads.filter(|(_, upload)| whole(upload)))?;
    let (run, path) = (upload.run, upload.path.clone());
    let call = complete(draw, upload)?;
    let step = Step::new(call, Piece::File(run, path.clone()), move |expected, reply| {
        let upload = expected.uploads.remove(index);
        let bytes = upload.parts.iter().map(|part| part.contents).collect();
        store_parts(expected, run, &path, bytes);
        // Without an answer the request may be half done, and another one would do it again.
        expected.completed = (!reply.json.is_null()).then_some(upload);
        Ok(())
    });
    Some(step.refused_if(draw.expected.runs.get(run)?.is_deleted, 400))
}

/// Completes an acknowledged upload a second time. Nothing changes, even if the file was replaced or deleted.
pub(super) fn complete_again(draw: &mut Draw<'_>) -> Option<Step> {
    let upload = draw.expected.completed.as_ref()?;
    let call = complete(draw, upload)?;
    Some(Step::new(call, Piece::Repeatable, |_, _| Ok(())))
}

pub(super) fn abort_upload(draw: &mut Draw<'_>) -> Option<Step> {
    let index = draw.dice.index(draw.expected.uploads.len())?;
    let call = ask(draw, "abort", draw.expected.uploads.get(index)?, json!({}))?;
    Some(Step::new(call, Piece::GivenUp, move |expected, _| {
        expected.uploads.remove(index);
        Ok(())
    }))
}

fn complete(draw: &Draw<'_>, upload: &Upload) -> Option<Call> {
    let part = |(number, part): (usize, &Part)| json!({"part_number": number, "etag": part.etag, "url": part.address});
    let parts: Value = (1..).zip(&upload.parts).map(part).collect();
    ask(draw, "complete", upload, json!({"parts": parts}))
}

fn ask(draw: &Draw<'_>, what: &str, upload: &Upload, mut body: Value) -> Option<Call> {
    let root = draw.expected.root(draw.expected.runs.get(upload.run)?);
    let name = upload.path.rsplit('/').next()?;
    let directory = upload.path.strip_suffix(name)?;
    let fields = body.as_object_mut()?;
    fields.insert("path".to_owned(), json!(name));
    fields.insert("upload_id".to_owned(), json!(upload.id));
    Some(draw.target.upload_in_parts(what, &format!("{root}/{directory}"), &body))
}

fn store(expected: &mut Expected, run: usize, path: &str, contents: Contents) {
    store_parts(expected, run, path, vec![contents]);
}

fn store_parts(expected: &mut Expected, run: usize, path: &str, parts: Vec<Contents>) {
    if let Some(run) = expected.runs.get_mut(run) {
        run.files.insert(path.to_owned(), parts);
    }
}
