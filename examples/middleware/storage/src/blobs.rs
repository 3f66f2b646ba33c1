//! The interface `blobs`.

use std::cell::RefCell;

use sha2::{Digest, Sha256};
use wit_bindgen::{StreamReader, StreamResult};

use crate::Storage;
use crate::bindings::exports::mlforge::plugin::blobs::{self, Error, Guest, GuestStaged, Info, Item};
use crate::bindings::wasi::filesystem::types::{Descriptor, DescriptorType, ErrorCode};
use crate::bindings::wit_stream;
use crate::directory::{self, root};

/// The directory of files with a name.
const DIRECTORY: &str = "files";
/// Largest size of a file, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 30;
/// Bytes that are copied at once.
const COPIED_BYTES: usize = 64 << 10;
/// Bounds of a listing.
const LISTED_MAX: usize = 200_000;
const LISTED_BYTES_MAX: usize = 8 << 20;
/// Bounds of a name.
const NAME_BYTES_MAX: usize = 1_024;
const SEGMENT_BYTES_MAX: usize = 255;
const PARTS_MAX: usize = 10_000;

thread_local! {
    /// Files that were received and dropped. Dropping cannot wait for their removal, so the next upload removes them.
    static DROPPED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Received bytes in a file without a name.
pub(crate) struct Received {
    path: String,
    size: u64,
    digest: Vec<u8>,
}

impl Drop for Received {
    fn drop(&mut self) {
        // A file that got a name has this path no more.
        if !self.path.is_empty() {
            DROPPED.with_borrow_mut(|dropped| dropped.push(std::mem::take(&mut self.path)));
        }
    }
}

impl GuestStaged for Received {
    fn size(&self) -> u64 {
        self.size
    }

    fn digest(&self) -> Vec<u8> {
        self.digest.clone()
    }
}

impl Guest for Storage {
    type Staged = Received;

    async fn stage(contents: StreamReader<u8>, bytes_max: u64) -> Result<blobs::Staged, Error> {
        for path in DROPPED.take() {
            directory::remove(&path).await.map_err(unavailable)?;
        }
        let received = receive([contents], bytes_max.min(FILE_BYTES_MAX)).await?;
        Ok(blobs::Staged::new(received))
    }

    async fn commit(staged: blobs::Staged, name: String) -> Result<(), Error> {
        must_be_name(&name)?;
        named(staged.into_inner(), &name).await
    }

    async fn stat(name: String) -> Result<Option<Info>, Error> {
        must_be_name(&name)?;
        match open(&name).await? {
            Some(file) => info(&file).await,
            None => Ok(None),
        }
    }

    async fn read(name: String, offset: u64, length: u64) -> Result<Option<StreamReader<u8>>, Error> {
        must_be_name(&name)?;
        let Some(file) = open(&name).await? else {
            return Ok(None);
        };
        let Some(info) = info(&file).await? else {
            return Ok(None);
        };
        Ok(Some(part(file, offset, length.min(info.size.saturating_sub(offset)))))
    }

    async fn list(directory: String, after: Option<String>, limit: u32) -> Result<Vec<Item>, Error> {
        if !directory.is_empty() {
            must_be_name(&directory)?;
        }
        let Some(found) = open(&directory).await? else {
            return Ok(Vec::new());
        };
        let (entries, end) = found.read_directory();
        let entries = entries.collect().await;
        match end.await {
            Ok(()) => {}
            Err(ErrorCode::NotDirectory | ErrorCode::BadDescriptor) => return Ok(Vec::new()),
            Err(error) => return Err(unavailable(error)),
        }
        let mut names: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
        names.retain(|name| after.as_ref().is_none_or(|after| name > after));
        names.sort_unstable();
        let (mut items, mut bytes) = (Vec::new(), 0);
        for name in names {
            if items.len() >= LISTED_MAX.min(usize::try_from(limit).unwrap_or(usize::MAX)) || bytes >= LISTED_BYTES_MAX
            {
                break;
            }
            bytes += name.len();
            let size = match open(&below(&directory, &name)).await? {
                Some(file) => info(&file).await?.map(|info| info.size),
                None => continue,
            };
            items.push(Item { name, size });
        }
        Ok(items)
    }

    async fn delete(name: String) -> Result<bool, Error> {
        must_be_name(&name)?;
        match directory::remove(&place(&name)).await {
            Ok(removed) => {
                remove_empty_parents(&name).await;
                Ok(removed)
            }
            Err(ErrorCode::IsDirectory | ErrorCode::NotPermitted) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    fn file_bytes_max() -> u64 {
        FILE_BYTES_MAX
    }

    async fn join(parts: Vec<String>, name: String, bytes_max: u64) -> Result<bool, Error> {
        must_be_name(&name)?;
        if parts.len() > PARTS_MAX {
            return Err(Error::Other(format!("{} parts, of at most {PARTS_MAX}", parts.len())));
        }
        let mut contents = Vec::with_capacity(parts.len());
        for name in &parts {
            must_be_name(name)?;
            match <Self as Guest>::read(name.clone(), 0, u64::MAX).await? {
                Some(part) => contents.push(part),
                None => return Ok(false),
            }
        }
        named(receive(contents, bytes_max.min(FILE_BYTES_MAX)).await?, &name).await?;
        Ok(true)
    }

    async fn delete_below(directory: String) -> Result<bool, Error> {
        if !directory.is_empty() {
            must_be_name(&directory)?;
        }
        let mut waiting = vec![(directory.clone(), false)];
        let mut deleted = false;
        // A directory is removed after everything in it.
        while let Some((directory, is_empty)) = waiting.pop() {
            if is_empty {
                _ = root()
                    .map_err(unavailable)?
                    .remove_directory_at(place(&directory))
                    .await;
                continue;
            }
            waiting.push((directory.clone(), true));
            let items = <Self as Guest>::list(directory.clone(), None, u32::MAX).await?;
            for item in items {
                let name = below(&directory, &item.name);
                match item.size {
                    Some(_) => deleted |= directory::remove(&place(&name)).await.map_err(unavailable)?,
                    None => waiting.push((name, false)),
                }
            }
        }
        remove_empty_parents(&directory).await;
        Ok(deleted)
    }
}

/// Writes streams, one after the other, into a new file without a name.
async fn receive(contents: impl IntoIterator<Item = StreamReader<u8>>, bytes_max: u64) -> Result<Received, Error> {
    let (path, file) = directory::create_unnamed().await.map_err(unavailable)?;
    let mut received = Received {
        path,
        size: 0,
        digest: Vec::new(),
    };
    let mut digest = Sha256::new();
    let (mut sender, stored) = wit_stream::new();
    let end = file.write_via_stream(stored, 0);
    for mut contents in contents {
        let mut result = StreamResult::Complete(0);
        let mut piece = Vec::with_capacity(COPIED_BYTES);
        while !matches!(result, StreamResult::Dropped) {
            (result, piece) = contents.read(piece).await;
            digest.update(&piece);
            received.size += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            if received.size > bytes_max {
                return Err(Error::TooLarge);
            }
            piece = sender.write_all(piece).await;
            if !piece.is_empty() {
                break;
            }
        }
    }
    drop(sender);
    end.await.map_err(unavailable)?;
    file.sync().await.map_err(unavailable)?;
    received.digest = digest.finalize().to_vec();
    Ok(received)
}

/// Gives received bytes a name, in place of the file that has it.
async fn named(mut received: Received, name: &str) -> Result<(), Error> {
    let root = root().map_err(unavailable)?;
    let taken = || Error::InvalidName(format!("'{name}' is a directory, or lies below a file"));
    directory::make(DIRECTORY).await.map_err(unavailable)?;
    let mut parents = name
        .match_indices('/')
        .map(|(end, _)| name.get(..end).unwrap_or_default());
    for parent in parents.by_ref() {
        match directory::make(&place(parent)).await {
            Ok(()) => {}
            Err(ErrorCode::NotDirectory) => return Err(taken()),
            Err(error) => return Err(unavailable(error)),
        }
    }
    match root.rename_at(received.path.clone(), &root, place(name)).await {
        Ok(()) => {}
        Err(ErrorCode::IsDirectory | ErrorCode::NotDirectory | ErrorCode::NotEmpty | ErrorCode::Exist) => {
            return Err(taken());
        }
        Err(error) => return Err(unavailable(error)),
    }
    // It has a name now, so there is nothing to remove.
    received.path = String::new();
    let directory = name
        .rsplit_once('/')
        .map_or(DIRECTORY.to_owned(), |(parent, _)| place(parent));
    directory::sync(&directory).await.map_err(unavailable)
}

/// A part of an open file. It lies within the file.
fn part(file: Descriptor, offset: u64, length: u64) -> StreamReader<u8> {
    let (mut sender, part) = wit_stream::new();
    wit_bindgen::spawn_local(async move {
        let (mut contents, _end) = file.read_via_stream(offset);
        let mut left = length;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(COPIED_BYTES);
            let (result, piece) = contents.read(Vec::with_capacity(room)).await;
            left -= left.min(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            // The reader may have left.
            if !sender.write_all(piece).await.is_empty() || matches!(result, StreamResult::Dropped) {
                return;
            }
        }
    });
    part
}

/// Size and time of an open file. `None`: it is a directory.
async fn info(file: &Descriptor) -> Result<Option<Info>, Error> {
    let stat = file.stat().await.map_err(unavailable)?;
    if !matches!(stat.type_, DescriptorType::RegularFile) {
        return Ok(None);
    }
    let modified_ms = stat.data_modification_timestamp.map_or(0, |time| {
        u64::try_from(time.seconds).unwrap_or_default() * 1_000 + u64::from(time.nanoseconds / 1_000_000)
    });
    Ok(Some(Info {
        size: stat.size,
        modified_ms,
    }))
}

/// Opens a file or directory, by its name. `None`: there is none.
async fn open(name: &str) -> Result<Option<Descriptor>, Error> {
    directory::open(&place(name)).await.map_err(unavailable)
}

/// Removes the directories of a name that are empty: there are only those that have files.
async fn remove_empty_parents(name: &str) {
    let mut parent = name;
    while let Some((above, _)) = parent.rsplit_once('/') {
        parent = above;
        let Ok(root) = root() else { return };
        if root.remove_directory_at(place(parent)).await.is_err() {
            return;
        }
    }
}

/// The path of a name. Empty: the root of all names.
fn place(name: &str) -> String {
    match name {
        "" => DIRECTORY.to_owned(),
        _ => format!("{DIRECTORY}/{name}"),
    }
}

fn below(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        _ => format!("{directory}/{name}"),
    }
}

/// Holds a name against the rules of the interface.
fn must_be_name(name: &str) -> Result<(), Error> {
    let is_bad = |part: &str| matches!(part, "" | "." | "..");
    let wrong = |segment: &str| {
        segment.len() > SEGMENT_BYTES_MAX
            || is_bad(segment)
            || segment.contains('\\') && segment.split('\\').any(is_bad)
    };
    match name {
        _ if name.len() > NAME_BYTES_MAX => Err(Error::InvalidName(format!("it has more than {NAME_BYTES_MAX} bytes"))),
        _ if name.contains(char::is_control) => Err(Error::InvalidName("it has a control character".to_owned())),
        _ if name.split('/').any(wrong) => Err(Error::InvalidName(
            "a segment is empty, too long, '.' or '..'".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn unavailable(error: ErrorCode) -> Error {
    Error::Unavailable(format!("{error:?}"))
}
