//! All stored data of a project, in a form that can be compared.

use std::collections::BTreeMap;

use bytes::Bytes;

/// All stored data of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Records by their keys.
    pub records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Files by their names.
    pub blobs: BTreeMap<String, Bytes>,
}

impl Snapshot {
    /// Replaces each id that `before` does not contain by a number, so that snapshots are comparable although
    /// ids are random.
    pub fn with_canonical_ids(&self, before: &Snapshot) -> Snapshot {
        let mut same = self.clone();
        // The ids of runs, logged models and uploads.
        for (index, kind) in [b'r', b'F', b'x'].into_iter().enumerate() {
            let mut new: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            for (key, value) in self.records.range(vec![kind]..vec![kind + 1]) {
                let Some(id) = key.get(1..17).filter(|_| !before.records.contains_key(key)) else {
                    continue;
                };
                if before.records.keys().any(|key| key.get(1..17) == Some(id))
                    || new.iter().any(|(_, known)| known == id)
                {
                    continue;
                }
                new.push((
                    replaced(&replaced(value, id, &[0; 16]), hex(id).as_bytes(), &[b'0'; 32]),
                    id.to_vec(),
                ));
            }
            new.sort();
            for (number, (_, id)) in new.iter().enumerate() {
                let mut name = [0xee; 16];
                name[0] = u8::try_from(index).expect("a kind");
                name[1] = u8::try_from(number).expect("a number");
                same = same.with(id, &name);
            }
        }
        same
    }

    /// Resets the revisions of blocks of columns. A revision counts how often a block was rewritten.
    pub fn clear_zone_revisions(&mut self) {
        for (_, zones) in self.records.range_mut(vec![b'z']..vec![b'z' + 1]) {
            zones.clear();
        }
    }

    fn with(&self, id: &[u8], name: &[u8]) -> Snapshot {
        let bytes = |bytes: &[u8]| replaced(&replaced(bytes, id, name), hex(id).as_bytes(), hex(name).as_bytes());
        let record = |(key, value): (&Vec<u8>, &Vec<u8>)| (bytes(key), bytes(value));
        let blob = |(key, value): (&String, &Bytes)| (key.replace(&hex(id), &hex(name)), value.clone());
        Snapshot {
            records: self.records.iter().map(record).collect(),
            blobs: self.blobs.iter().map(blob).collect(),
        }
    }

    /// Lists the differences, one line each.
    pub fn difference(&self, other: &Snapshot) -> String {
        let mut lines = Vec::new();
        let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
        for key in self
            .records
            .keys()
            .chain(other.records.keys().filter(|key| !self.records.contains_key(*key)))
        {
            let (one, two) = (self.records.get(key), other.records.get(key));
            if one != two {
                let shown = [one, two].map(|value| value.map_or_else(|| "absent".to_owned(), |value| show(value)));
                lines.push(format!("  {}: {} <> {}", show(key), shown[0], shown[1]));
            }
        }
        for name in self.blobs.keys().chain(other.blobs.keys()) {
            if self.blobs.get(name) != other.blobs.get(name) {
                lines.push(format!(
                    "  {name}: {:?} <> {:?}",
                    self.blobs.get(name),
                    other.blobs.get(name)
                ));
            }
        }
        lines.join("\n")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replaces bytes by other bytes of the same length.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut all = bytes.to_vec();
    let mut at = 0;
    while at + from.len() <= all.len() {
        if all[at..].starts_with(from) {
            all[at..at + from.len()].copy_from_slice(to);
            at += from.len();
        } else {
            at += 1;
        }
    }
    all
}
