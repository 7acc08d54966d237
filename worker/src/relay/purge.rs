//! Deleting old relay files.

use std::{fs, io, time::SystemTime};

use super::{
    layout::{Layout, SubFolder, damaged},
    positions::Durable,
};

/// Files before the oldest that is needed are kept: a target that failed over asynchronously is behind what it confirmed (R13).
const MARGIN_FILES: usize = 1;

/// What shall go. Files that are needed, and [`MARGIN_FILES`] before them, stay in every case.
#[derive(Clone, Debug)]
pub enum PurgeBound {
    /// Everything before this file; in the newest sub-directory if none is named.
    Before {
        /// Sub-directory.
        folder: Option<String>,
        /// File name.
        file: String,
    },
    /// Everything not changed since.
    OlderThan(SystemTime),
}

impl Layout {
    /// Deletes what lies before the bound and before `needed` (server uuid and file of everything that still reads). Returns the names of what is gone.
    pub fn purge(
        &self,
        bound: &PurgeBound,
        durable: &Durable,
        needed: &[(String, String)],
    ) -> io::Result<Vec<String>> {
        let mut folders = self.folders()?;
        let mut all: Vec<(SubFolder, u64, String)> = Vec::new();
        for folder in &folders {
            for (sequence, name) in self.files(folder)? {
                all.push((folder.clone(), sequence, name));
            }
        }
        // The newest file is the writer's.
        let newest = all.len().saturating_sub(1);
        let active = durable.place();
        let first_needed = all
            .iter()
            .position(|(folder, _, name)| {
                needed
                    .iter()
                    .any(|(uuid, file)| *uuid == folder.uuid && file == name)
                    || (folder.name == active.folder && *name == active.file)
            })
            .unwrap_or(newest)
            .min(newest);
        let mut end = first_needed.saturating_sub(MARGIN_FILES);
        match bound {
            PurgeBound::Before { folder, file } => {
                let named = folder
                    .clone()
                    .or_else(|| folders.last().map(|folder| folder.name.clone()))
                    .unwrap_or_default();
                let at = all
                    .iter()
                    .position(|(folder, _, name)| folder.name == named && name == file)
                    .ok_or_else(|| damaged(format!("the relay log has no file {named}/{file}")))?;
                end = end.min(at);
            }
            PurgeBound::OlderThan(time) => {
                let mut young = all.len();
                for (index, (folder, _, name)) in all.iter().enumerate() {
                    let changed = fs::metadata(self.folder(folder).join(name))?.modified()?;
                    if changed >= *time {
                        young = index;
                        break;
                    }
                }
                end = end.min(young);
            }
        }
        let mut gone = Vec::new();
        for (folder, _, name) in all.iter().take(end) {
            fs::remove_file(self.folder(folder).join(name))?;
            gone.push(format!("{}/{name}", folder.name));
        }
        // A sub-directory without files says nothing any more, except for the writer's.
        let kept: Vec<SubFolder> = all.iter().skip(end).map(|file| file.0.clone()).collect();
        if let Some(first) = kept.first() {
            let empty: Vec<SubFolder> = folders
                .iter()
                .filter(|folder| folder.suffix < first.suffix)
                .cloned()
                .collect();
            if !empty.is_empty() {
                folders.retain(|folder| folder.suffix >= first.suffix);
                self.write_index(&folders)?;
                for folder in empty {
                    fs::remove_dir_all(self.folder(&folder))?;
                }
            }
        }
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::{Appended, Place};

    fn log(files: &[(&str, &[&str])]) -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        for (uuid, names) in files {
            let folder = layout.add(uuid).unwrap();
            for name in *names {
                fs::write(layout.folder(&folder).join(name), b"x").unwrap();
            }
        }
        (dir, layout)
    }

    fn durable(folder: &str, file: &str) -> Durable {
        Durable::synced(&Appended(Place {
            folder: folder.into(),
            file: file.into(),
            ..Place::default()
        }))
    }

    fn before(file: &str) -> PurgeBound {
        PurgeBound::Before {
            folder: None,
            file: file.into(),
        }
    }

    #[test]
    fn r13_needed_files_and_a_margin_stay() {
        let names = ["b.1", "b.2", "b.3", "b.4", "b.5"];
        let (_dir, layout) = log(&[("u", &names)]);
        let durable = durable("u.000001", "b.5");
        let needed = [("u".to_owned(), "b.4".to_owned())];
        let gone = layout.purge(&before("b.5"), &durable, &needed).unwrap();
        assert_eq!(
            gone,
            ["u.000001/b.1", "u.000001/b.2"],
            "b.4 is needed, b.3 is the margin"
        );
        assert!(layout.purge(&before("b.9"), &durable, &needed).is_err());
        let gone = layout.purge(&before("b.5"), &durable, &[]).unwrap();
        assert_eq!(gone, ["u.000001/b.3"]);
    }

    #[test]
    fn the_writers_file_and_young_files_stay() {
        let (_dir, layout) = log(&[("u", &["b.1", "b.2"]), ("v", &["b.1", "b.2", "b.3"])]);
        let durable = durable("v.000002", "b.3");
        let old = PurgeBound::OlderThan(SystemTime::UNIX_EPOCH);
        assert!(layout.purge(&old, &durable, &[]).unwrap().is_empty());
        let all = PurgeBound::OlderThan(SystemTime::now() + std::time::Duration::from_secs(60));
        let gone = layout.purge(&all, &durable, &[]).unwrap();
        assert_eq!(gone.len(), 3, "{gone:?}");
        let folders: Vec<String> = layout
            .folders()
            .unwrap()
            .into_iter()
            .map(|folder| folder.name)
            .collect();
        assert_eq!(folders, ["v.000002"], "the emptied one is gone");
    }
}
