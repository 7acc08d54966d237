//! Folders and files of a relay log.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use dm_model::BinlogPosition;

/// DM's list of sub-directories.
const INDEX: &str = "server-uuid.index";
const INDEX_NEW: &str = "server-uuid.index.new";
/// First bytes of every binlog file.
pub(super) const MAGIC: [u8; 4] = *b"\xfebin";

/// The folder of one source's relay log.
#[derive(Clone, Debug)]
pub struct Layout {
    base: PathBuf,
}

/// A sub-directory: what was fetched from one server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SubFolder {
    pub(super) suffix: u32,
    pub(super) uuid: String,
    pub(super) name: String,
}

impl SubFolder {
    fn parse(name: &str) -> Option<Self> {
        let (uuid, digits) = name.rsplit_once('.')?;
        Some(Self {
            suffix: digits.parse().ok().filter(|suffix| *suffix > 0)?,
            uuid: uuid.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl Layout {
    /// Over a folder, which is made when something is written.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// The folder.
    pub fn base(&self) -> &Path {
        &self.base
    }

    pub(super) fn folder(&self, folder: &SubFolder) -> PathBuf {
        self.base.join(&folder.name)
    }

    /// The sub-directories in order. Only what the index lists counts; numbers must go up one by one.
    pub(super) fn folders(&self) -> io::Result<Vec<SubFolder>> {
        let text = match fs::read_to_string(self.base.join(INDEX)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut folders: Vec<SubFolder> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let folder = SubFolder::parse(line)
                .ok_or_else(|| damaged(format!("{INDEX} has a line {line:?}")))?;
            if let Some(last) = folders.last()
                && folder.suffix != last.suffix + 1
            {
                return Err(damaged(format!(
                    "{INDEX}: {line} follows {}, a number is missing",
                    last.name
                )));
            }
            folders.push(folder);
        }
        Ok(folders)
    }

    /// Makes the next sub-directory, for another server.
    pub(super) fn add(&self, uuid: &str) -> io::Result<SubFolder> {
        fs::create_dir_all(&self.base)?;
        let mut folders = self.folders()?;
        let suffix = folders.last().map_or(1, |last| last.suffix + 1);
        let name = format!("{uuid}.{suffix:06}");
        fs::create_dir_all(self.base.join(&name))?;
        let folder = SubFolder {
            suffix,
            uuid: uuid.to_owned(),
            name,
        };
        folders.push(folder.clone());
        self.write_index(&folders)?;
        Ok(folder)
    }

    pub(super) fn write_index(&self, folders: &[SubFolder]) -> io::Result<()> {
        let text: String = folders
            .iter()
            .map(|folder| format!("{}\n", folder.name))
            .collect();
        let new = self.base.join(INDEX_NEW);
        let mut file = fs::File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(new, self.base.join(INDEX))?;
        fs::File::open(&self.base)?.sync_all()
    }

    /// The binlog files of a sub-directory by number.
    pub(super) fn files(&self, folder: &SubFolder) -> io::Result<Vec<(u64, String)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.folder(folder))? {
            let Ok(name) = entry?.file_name().into_string() else {
                continue;
            };
            if let Some(sequence) = BinlogPosition::new(name.clone(), 0).sequence() {
                files.push((sequence, name));
            }
        }
        files.sort();
        Ok(files)
    }
}

pub(super) fn damaged(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_numbered_and_files_sorted_by_number() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().join("relay"));
        assert!(layout.folders().unwrap().is_empty());
        let first = layout.add("a-b").unwrap();
        let second = layout.add("c").unwrap();
        assert_eq!(
            (first.name.as_str(), second.name.as_str()),
            ("a-b.000001", "c.000002")
        );
        assert_eq!(layout.folders().unwrap(), [first.clone(), second]);
        for name in ["bin.1000000", "bin.999999", "relay.meta"] {
            fs::write(layout.folder(&first).join(name), "").unwrap();
        }
        let names: Vec<String> = layout
            .files(&first)
            .unwrap()
            .into_iter()
            .map(|file| file.1)
            .collect();
        assert_eq!(names, ["bin.999999", "bin.1000000"]);
    }

    #[test]
    fn a_gap_in_the_index_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        fs::write(dir.path().join(INDEX), "u.000001\nu.000003\n").unwrap();
        let error = layout.folders().unwrap_err().to_string();
        assert!(error.contains("u.000003 follows u.000001"), "{error}");
    }
}
