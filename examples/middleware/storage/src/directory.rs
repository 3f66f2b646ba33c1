//! The directory in which everything is kept: the first one that the runtime gives.

use std::rc::Rc;

use crate::bindings::wasi::filesystem::preopens;
use crate::bindings::wasi::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use crate::bindings::wasi::random::random::get_random_u64;
use crate::bindings::wit_stream;

/// The directory of files without a name.
const UNNAMED: &str = "tmp";

thread_local! {
    static ROOT: Option<Rc<Descriptor>> = preopens::get_directories().into_iter().next().map(|(root, _)| Rc::new(root));
}

/// The directory. Fails if the runtime gives none.
pub(crate) fn root() -> Result<Rc<Descriptor>, ErrorCode> {
    ROOT.with(Option::clone).ok_or(ErrorCode::NoEntry)
}

/// Makes a directory, unless it is there.
pub(crate) async fn make(path: &str) -> Result<(), ErrorCode> {
    match root()?.create_directory_at(path.to_owned()).await {
        Ok(()) | Err(ErrorCode::Exist) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads a whole file. `None`: there is none.
pub(crate) async fn read(path: &str) -> Result<Option<Vec<u8>>, ErrorCode> {
    let Some(file) = open(path).await? else { return Ok(None) };
    let (contents, end) = file.read_via_stream(0);
    let contents = contents.collect().await;
    end.await.map(|()| Some(contents))
}

/// Opens a file for reading. `None`: there is none.
pub(crate) async fn open(path: &str) -> Result<Option<Descriptor>, ErrorCode> {
    let flags = (PathFlags::empty(), OpenFlags::empty(), DescriptorFlags::READ);
    match root()?.open_at(flags.0, path.to_owned(), flags.1, flags.2).await {
        Ok(file) => Ok(Some(file)),
        Err(ErrorCode::NoEntry | ErrorCode::NotDirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes an empty file that no other instance has. Returns its path.
pub(crate) async fn create_unnamed() -> Result<(String, Descriptor), ErrorCode> {
    make(UNNAMED).await?;
    let path = format!("{UNNAMED}/{:016x}{:016x}", get_random_u64(), get_random_u64());
    let new = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    let file = root()?
        .open_at(PathFlags::empty(), path.clone(), new, DescriptorFlags::WRITE)
        .await?;
    Ok((path, file))
}

/// Writes bytes into a new file without a name, on disk when this returns. Returns its path.
pub(crate) async fn write_unnamed(bytes: Vec<u8>) -> Result<String, ErrorCode> {
    let (path, file) = create_unnamed().await?;
    let (mut sender, contents) = wit_stream::new();
    let end = file.write_via_stream(contents, 0);
    let rest = sender.write_all(bytes).await;
    drop(sender);
    end.await?;
    if !rest.is_empty() {
        return Err(ErrorCode::Io);
    }
    file.sync().await?;
    Ok(path)
}

/// Removes a file, if it is there.
pub(crate) async fn remove(path: &str) -> Result<bool, ErrorCode> {
    match root()?.unlink_file_at(path.to_owned()).await {
        Ok(()) => Ok(true),
        Err(ErrorCode::NoEntry | ErrorCode::NotDirectory) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts the names in a directory on disk.
pub(crate) async fn sync(path: &str) -> Result<(), ErrorCode> {
    let flags = (PathFlags::empty(), OpenFlags::DIRECTORY, DescriptorFlags::READ);
    let directory = root()?.open_at(flags.0, path.to_owned(), flags.1, flags.2).await?;
    directory.sync().await
}
