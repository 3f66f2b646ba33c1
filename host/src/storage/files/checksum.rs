//! Checksums of files: size and SHA-256 as they were received, in an extended attribute of each file.
//!
//! The attribute belongs to the bytes: it stays with them under any name, and a hard link of a backup has it too. A file system
//! without extended attributes loses only the comparison by `mlforge check`.

use std::fs::File;
use std::io::{self, Read as _};

use sha2::{Digest, Sha256};

use crate::convert::to_u64;

/// The attribute's name. Its value is a text: the size in bytes, a space, and the SHA-256 in hex.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const ATTRIBUTE: &str = "user.mlforge.sha256";
/// Maximum length of a value: that of the largest size, a space, and a digest.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const VALUE_BYTES_MAX: usize = 20 + 1 + 64;

/// Size and digest of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// Number of bytes.
    pub size: u64,
    /// The SHA-256. `None`: the file was joined of parts, and nobody has read it since.
    pub digest: Option<[u8; 32]>,
}

impl Checksum {
    /// Reads a file from its position to its end.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn computed(mut file: &File) -> io::Result<Self> {
        let mut digest = Sha256::new();
        let mut size = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut buffer)?;
            match buffer.get(..read) {
                Some([]) | None => break,
                Some(bytes) => digest.update(bytes),
            }
            size += to_u64(read);
        }
        Ok(Self {
            size,
            digest: Some(digest.finalize().into()),
        })
    }

    /// Records the checksum with a file. Returns false if the file system keeps none.
    pub fn record(&self, file: &File) -> bool {
        write_attribute(file, self.text().as_bytes()).is_ok()
    }

    /// The checksum that was recorded with a file. `None`: there is none, or the file system keeps none.
    #[must_use]
    pub fn recorded(file: &File) -> Option<Self> {
        let value = read_attribute(file).ok()?;
        Self::parsed(std::str::from_utf8(&value).ok()?)
    }

    fn text(&self) -> String {
        let digest = self.digest.iter().flatten().map(|byte| format!("{byte:02x}"));
        format!("{} {}", self.size, digest.collect::<String>())
    }

    fn parsed(text: &str) -> Option<Self> {
        let (size, hex) = text.split_once(' ')?;
        let (pairs, odd) = hex.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
        let digest = match bytes.as_slice() {
            [] => None,
            bytes => Some(bytes.try_into().ok()?),
        };
        odd.is_empty().then_some(Self {
            size: size.parse().ok()?,
            digest,
        })
    }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn write_attribute(file: &File, value: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(
        file,
        ATTRIBUTE,
        value,
        rustix::fs::XattrFlags::empty(),
    )?)
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn read_attribute(file: &File) -> io::Result<Vec<u8>> {
    let mut value = vec![0; VALUE_BYTES_MAX];
    let length = rustix::fs::fgetxattr(file, ATTRIBUTE, value.as_mut_slice())?;
    value.truncate(length);
    Ok(value)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn write_attribute(_file: &File, _value: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn read_attribute(_file: &File) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_checksum_is_read_back(size: u64, digest: Option<[u8; 32]>) {
            let checksum = Checksum { size, digest };
            let text = checksum.text();
            prop_assert!(text.len() <= VALUE_BYTES_MAX);
            prop_assert_eq!(Checksum::parsed(&text), Some(checksum));
        }

        #[test]
        fn no_text_is_a_panic(text: String) {
            let _ = Checksum::parsed(&text);
        }
    }

    #[test]
    fn texts_that_are_no_checksums_are_none() {
        let whole = format!("3 {}", "ab".repeat(32));
        assert!(Checksum::parsed(&whole).is_some());
        let (short, long, odd) = (&whole[..whole.len() - 2], format!("{whole}00"), format!("{whole}0"));
        for text in ["", "3", "x ", " ", "3 zz", "-1 ", short, &long, &odd] {
            assert_eq!(Checksum::parsed(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_files_checksum_goes_with_its_bytes() {
        let place = tempfile::tempdir().unwrap();
        let (file, link) = (place.path().join("file"), place.path().join("link"));
        std::fs::write(&file, "abc").unwrap();
        let opened = File::open(&file).unwrap();
        assert_eq!(Checksum::recorded(&opened), None);
        let computed = Checksum::computed(&opened).unwrap();
        assert_eq!(
            computed.text(),
            "3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(
            computed.record(&opened),
            "this test needs a file system with extended attributes"
        );
        std::fs::hard_link(&file, &link).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(Checksum::recorded(&File::open(&link).unwrap()), Some(computed));
    }
}
