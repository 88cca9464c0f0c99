//! Properties of units and their values, as D-Bus has them.

use std::fmt;

use rustbus::params::{Array, Base, Container, Param};
use rustbus::signature::Type;

/// One property of a unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// Whether an older systemd without it is good enough, as the files are written anyway.
    pub(crate) optional: bool,
}

impl Property {
    /// A property that every systemd has.
    pub(crate) fn new(name: impl Into<String>, value: Value) -> Self {
        Self { name: name.into(), value, optional: false }
    }

    /// A property that an older systemd may lack.
    pub(crate) fn optional(name: impl Into<String>, value: Value) -> Self {
        Self { name: name.into(), value, optional: true }
    }
}

/// A value of D-Bus.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Byte(u8),
    I16(i16),
    U16(u16),
    I32(i32),
    U32(u32),
    I64(i64),
    U64(u64),
    Double(f64),
    Text(String),
    /// The signature of the elements, and the elements.
    Array(String, Vec<Value>),
    Tuple(Vec<Value>),
}

impl Value {
    /// An array of bytes.
    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        Self::Array("y".to_owned(), bytes.iter().copied().map(Value::Byte).collect())
    }

    /// The signature, as in `a(ss)`.
    pub(crate) fn signature(&self) -> String {
        let letter = match self {
            Self::Bool(_) => "b",
            Self::Byte(_) => "y",
            Self::I16(_) => "n",
            Self::U16(_) => "q",
            Self::I32(_) => "i",
            Self::U32(_) => "u",
            Self::I64(_) => "x",
            Self::U64(_) => "t",
            Self::Double(_) => "d",
            Self::Text(_) => "s",
            Self::Array(element, _) => return format!("a{element}"),
            Self::Tuple(parts) => {
                let inside: String = parts.iter().map(Value::signature).collect();
                return format!("({inside})");
            }
        };
        letter.to_owned()
    }

    /// The value as the library wants it.
    pub(crate) fn param(&self) -> Param<'static, 'static> {
        let base = match self {
            Self::Bool(value) => Base::Boolean(*value),
            Self::Byte(value) => Base::Byte(*value),
            Self::I16(value) => Base::Int16(*value),
            Self::U16(value) => Base::Uint16(*value),
            Self::I32(value) => Base::Int32(*value),
            Self::U32(value) => Base::Uint32(*value),
            Self::I64(value) => Base::Int64(*value),
            Self::U64(value) => Base::Uint64(*value),
            Self::Double(value) => Base::Double(value.to_bits()),
            Self::Text(value) => Base::String(value.clone()),
            Self::Array(element, values) => return array(element, values),
            Self::Tuple(parts) => {
                let parts = parts.iter().map(Value::param).collect();
                return Param::Container(Container::Struct(parts));
            }
        };
        Param::Base(base)
    }
}

/// An array whose elements all have the signature, which the planner sees to.
fn array(element: &str, values: &[Value]) -> Param<'static, 'static> {
    let element_sig = Type::parse_description(element)
        .ok()
        .and_then(|mut types| types.pop())
        .unwrap_or(Type::Base(rustbus::signature::Base::String));
    let values = values.iter().map(Value::param).collect();
    Param::Container(Container::Array(Array { element_sig, values }))
}

/// As `systemctl` and GVariant write it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, values: &[Value]| {
            values.iter().enumerate().try_for_each(|(index, value)| {
                write!(f, "{}{value}", if index == 0 { "" } else { ", " })
            })
        };
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Byte(value) => write!(f, "{value:#04x}"),
            Self::I16(value) => write!(f, "{value}"),
            Self::U16(value) => write!(f, "{value}"),
            Self::I32(value) => write!(f, "{value}"),
            Self::U32(value) => write!(f, "{value}"),
            Self::I64(value) => write!(f, "{value}"),
            Self::U64(u64::MAX) => f.write_str("infinity"),
            Self::U64(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Array(_, values) => {
                f.write_str("[")?;
                list(f, values)?;
                f.write_str("]")
            }
            Self::Tuple(parts) => {
                f.write_str("(")?;
                list(f, parts)?;
                f.write_str(")")
            }
        }
    }
}
