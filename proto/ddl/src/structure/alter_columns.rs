//! alter_columns.
