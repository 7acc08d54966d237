//! Column types.

use serde::{Deserialize, Serialize};

/// The kind of a type, with aliases resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// TINYINT, BOOL.
    TinyInt,
    /// SMALLINT.
    SmallInt,
    /// MEDIUMINT.
    MediumInt,
    /// INT.
    Int,
    /// BIGINT, SERIAL.
    BigInt,
    /// DECIMAL, NUMERIC, FIXED, DEC; Oracle's NUMBER.
    Decimal,
    /// FLOAT.
    Float,
    /// DOUBLE, REAL.
    Double,
    /// BIT.
    Bit,
    /// YEAR.
    Year,
    /// DATE.
    Date,
    /// TIME.
    Time,
    /// DATETIME.
    DateTime,
    /// TIMESTAMP.
    Timestamp,
    /// CHAR.
    Char,
    /// VARCHAR.
    VarChar,
    /// TINYTEXT.
    TinyText,
    /// TEXT.
    Text,
    /// MEDIUMTEXT.
    MediumText,
    /// LONGTEXT; JSON of MariaDB.
    LongText,
    /// BINARY.
    Binary,
    /// VARBINARY.
    VarBinary,
    /// TINYBLOB.
    TinyBlob,
    /// BLOB.
    Blob,
    /// MEDIUMBLOB.
    MediumBlob,
    /// LONGBLOB.
    LongBlob,
    /// ENUM.
    Enum,
    /// SET.
    Set,
    /// JSON of MySQL and TiDB.
    Json,
    /// GEOMETRY.
    Geometry,
    /// POINT.
    Point,
    /// LINESTRING.
    LineString,
    /// POLYGON.
    Polygon,
    /// MULTIPOINT.
    MultiPoint,
    /// MULTILINESTRING.
    MultiLineString,
    /// MULTIPOLYGON.
    MultiPolygon,
    /// GEOMETRYCOLLECTION.
    GeometryCollection,
    /// VECTOR.
    Vector,
    /// UUID (MariaDB).
    Uuid,
    /// INET4 (MariaDB).
    Inet4,
    /// INET6 (MariaDB).
    Inet6,
    /// XMLTYPE (MariaDB).
    Xml,
}

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Type {
    /// Kind.
    pub kind: TypeKind,
    /// UNSIGNED, or implied by ZEROFILL and SERIAL.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// ZEROFILL.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zerofill: bool,
    /// Length in characters or bytes, precision of DECIMAL and BIT, dimensions of VECTOR, 2 for YEAR(2).
    /// Integers have one only with ZEROFILL, where it shows in text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// Digits after the point of numbers, and of seconds in TIME, DATETIME and TIMESTAMP if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u32>,
    /// Character set of text, ENUM and SET; none if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Collation of text, ENUM and SET; none if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// Members of ENUM and SET.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<String>,
}

impl Type {
    /// A type of this kind with nothing else said.
    pub fn new(kind: TypeKind) -> Self {
        Self {
            kind,
            unsigned: false,
            zerofill: false,
            length: None,
            decimals: None,
            charset: None,
            collation: None,
            elements: Vec::new(),
        }
    }

    /// Whether values have a character set.
    pub fn has_charset(&self) -> bool {
        self.kind.has_charset()
    }
}

impl TypeKind {
    /// Whether values have a character set.
    pub fn has_charset(self) -> bool {
        self.is_text() || matches!(self, Self::Enum | Self::Set)
    }

    /// CHAR, VARCHAR and the TEXT family.
    pub fn is_text(self) -> bool {
        use TypeKind::{Char, LongText, MediumText, Text, TinyText, VarChar};
        matches!(
            self,
            Char | VarChar | TinyText | Text | MediumText | LongText
        )
    }

    /// The TEXT and BLOB families.
    pub fn is_blob(self) -> bool {
        use TypeKind::{
            Blob, LongBlob, LongText, MediumBlob, MediumText, Text, TinyBlob, TinyText,
        };
        matches!(
            self,
            TinyText | Text | MediumText | LongText | TinyBlob | Blob | MediumBlob | LongBlob
        )
    }

    /// The integer types.
    pub fn is_integer(self) -> bool {
        use TypeKind::{BigInt, Int, MediumInt, SmallInt, TinyInt};
        matches!(self, TinyInt | SmallInt | MediumInt | Int | BigInt)
    }

    /// The spatial types.
    pub fn is_spatial(self) -> bool {
        use TypeKind::{
            Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon,
            Point, Polygon,
        };
        matches!(
            self,
            Geometry
                | Point
                | LineString
                | Polygon
                | MultiPoint
                | MultiLineString
                | MultiPolygon
                | GeometryCollection
        )
    }
}
