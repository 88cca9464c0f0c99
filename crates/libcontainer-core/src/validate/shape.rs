//! The names of all properties of a configuration, taken from the types that read it.
//!
//! A deserializer that has no document, but answers what it is asked for, meets every field of every
//! type once. So there is no list of names that could differ from the types.

use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};

use crate::spec::Spec;

/// The properties of an object.
pub type Fields = [(&'static str, Shape)];

/// What a value consists of.
#[derive(Debug, Default)]
pub enum Shape {
    /// A string, number or truth value.
    #[default]
    Scalar,
    /// A list of these.
    List(Box<Shape>),
    /// An object whose names are the user's.
    Map(Box<Shape>),
    /// An object whose names are the specification's.
    Object {
        /// By name.
        fields: Vec<(&'static str, Shape)>,
        /// Other names of fields, that are accepted as well.
        aliases: Vec<&'static str>,
    },
}

/// Properties of the specification that mean something on other systems only (config.md).
const ELSEWHERE: [(&str, &[&str]); 3] = [
    ("", &["freebsd", "solaris", "vm", "windows", "zos"]),
    ("process", &["commandLine"]),
    ("process.user", &["username"]),
];

/// The shape of a configuration.
pub fn of_config() -> Shape {
    let aliases = Aliases::default();
    loop {
        let mut shape = Shape::Scalar;
        let known = aliases.borrow().len();
        let _ = Spec::deserialize(Recorder { shape: &mut shape, aliases: &aliases });
        // An alias ends the reading, as its field was given before: then once more without it.
        if aliases.borrow().len() == known {
            return shape;
        }
    }
}

/// Whether a property of that name belongs to this object on another system.
pub fn is_elsewhere(object: &str, name: &str) -> bool {
    ELSEWHERE.iter().any(|(known, names)| *known == object && names.contains(&name))
}

impl Shape {
    /// Calls `see` with the path of each object, written as in `mounts[].options`, and its property names.
    pub fn objects(&self, path: &str, see: &mut dyn FnMut(&str, &Fields)) {
        match self {
            Shape::Scalar => {}
            Shape::List(items) => items.objects(&format!("{path}[]"), see),
            Shape::Map(values) => values.objects(&join(path, "*"), see),
            Shape::Object { fields, .. } => {
                see(path, fields);
                fields.iter().for_each(|(name, shape)| shape.objects(&join(path, name), see));
            }
        }
    }
}

/// How much alike two names must be, from 0 to 1: of one object, and of different ones.
const ALIKE: (f64, f64) = (0.7, 0.85);

impl Shape {
    /// The property that was perhaps meant by a name that the object does not have: one of its own,
    /// or with its path one of another object.
    pub fn closest(&self, object: &str, name: &str) -> Option<String> {
        let mut best: Option<(f64, String)> = None;
        self.objects("", &mut |other, fields| {
            for (known, _) in fields {
                let alike = likeness(known, name);
                let own = other == object;
                let (enough, rank) = if own { (ALIKE.0, 1.0) } else { (ALIKE.1, 0.0) };
                // The own ones before all others, then the likest, then what comes first.
                if alike >= enough && best.as_ref().is_none_or(|(best, _)| alike + rank > *best) {
                    let shown = if own { (*known).to_owned() } else { join(other, known) };
                    best = Some((alike + rank, shown));
                }
            }
        });
        best.map(|(_, name)| name)
    }
}

fn likeness(known: &str, name: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase())
}

/// The path of a property of an object.
pub fn join(object: &str, name: &str) -> String {
    if object.is_empty() { name.to_owned() } else { format!("{object}.{name}") }
}

/// Answers each question with a value of the wanted kind, and notes the kind.
#[derive(Debug)]
struct Recorder<'s> {
    shape: &'s mut Shape,
    aliases: &'s Aliases,
}

/// Names that were found to be another name of a field before them, with the address of the list
/// that they are in.
type Aliases = RefCell<Vec<(usize, &'static str)>>;

type Answer<T> = Result<T, serde::de::value::Error>;

macro_rules! numbers {
    ($($method:ident $visit:ident)*) => {
        $(fn $method<V: Visitor<'static>>(self, visitor: V) -> Answer<V::Value> {
            visitor.$visit(0)
        })*
    };
}

impl Deserializer<'static> for Recorder<'_> {
    type Error = serde::de::value::Error;

    numbers! {
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32
        deserialize_i64 visit_i64 deserialize_u8 visit_u8 deserialize_u16 visit_u16
        deserialize_u32 visit_u32 deserialize_u64 visit_u64
    }

    fn deserialize_bool<V: Visitor<'static>>(self, visitor: V) -> Answer<V::Value> {
        visitor.visit_bool(false)
    }

    fn deserialize_str<V: Visitor<'static>>(self, visitor: V) -> Answer<V::Value> {
        visitor.visit_borrowed_str("")
    }

    fn deserialize_string<V: Visitor<'static>>(self, visitor: V) -> Answer<V::Value> {
        visitor.visit_borrowed_str("")
    }

    fn deserialize_option<V: Visitor<'static>>(self, visitor: V) -> Answer<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'static>>(self, visitor: V) -> Answer<V::Value> {
        let mut item = Shape::Scalar;
        let list = visitor.visit_seq(Once::new(&mut item, self.aliases))?;
        *self.shape = Shape::List(Box::new(item));
        Ok(list)
    }

    fn deserialize_map<V: Visitor<'static>>(self, visitor: V) -> Answer<V::Value> {
        let mut value = Shape::Scalar;
        let map = visitor.visit_map(Once::new(&mut value, self.aliases))?;
        *self.shape = Shape::Map(Box::new(value));
        Ok(map)
    }

    fn deserialize_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Answer<V::Value> {
        let list = names.as_ptr().addr();
        let is_alias = |name: &&str| self.aliases.borrow().contains(&(list, *name));
        let (aliases, mut left): (Vec<&'static str>, Vec<&'static str>) =
            names.iter().partition(|name| is_alias(name));
        // The first of several names is the property's own, and none of those has a capital.
        left.sort_by_key(|name| name.starts_with(|first: char| first.is_ascii_uppercase()));
        let mut all = AllOf {
            left: left.into_iter(),
            found: Vec::new(),
            refused: None,
            aliases: self.aliases,
        };
        let object = visitor.visit_map(&mut all);
        if let (Err(_), Some(name)) = (&object, all.refused) {
            self.aliases.borrow_mut().push((list, name));
        }
        *self.shape = Shape::Object { fields: all.found, aliases };
        object
    }

    /// Whatever else a type may ask for some day is taken for a scalar.
    fn deserialize_any<V: Visitor<'static>>(self, visitor: V) -> Answer<V::Value> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'static>>
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct
        enum identifier ignored_any
    }
}

/// A list with one item, or a map with one entry.
struct Once<'s>(Option<Recorder<'s>>);

impl<'s> Once<'s> {
    fn new(shape: &'s mut Shape, aliases: &'s Aliases) -> Once<'s> {
        Once(Some(Recorder { shape, aliases }))
    }
}

impl SeqAccess<'static> for Once<'_> {
    type Error = serde::de::value::Error;

    fn next_element_seed<T: DeserializeSeed<'static>>(
        &mut self,
        seed: T,
    ) -> Answer<Option<T::Value>> {
        self.0.take().map(|recorder| seed.deserialize(recorder)).transpose()
    }
}

impl MapAccess<'static> for Once<'_> {
    type Error = serde::de::value::Error;

    fn next_key_seed<K: DeserializeSeed<'static>>(&mut self, seed: K) -> Answer<Option<K::Value>> {
        let Some(_) = self.0 else { return Ok(None) };
        seed.deserialize(StrDeserializer::new("")).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'static>>(&mut self, seed: V) -> Answer<V::Value> {
        match self.0.take() {
            Some(recorder) => seed.deserialize(recorder),
            None => Err(Self::Error::custom("a value without a key")),
        }
    }
}

/// An object with all fields of its type.
struct AllOf<'s> {
    left: std::vec::IntoIter<&'static str>,
    found: Vec<(&'static str, Shape)>,
    /// The last name, as long as nobody asked for its value.
    refused: Option<&'static str>,
    aliases: &'s Aliases,
}

impl MapAccess<'static> for &mut AllOf<'_> {
    type Error = serde::de::value::Error;

    fn next_key_seed<K: DeserializeSeed<'static>>(&mut self, seed: K) -> Answer<Option<K::Value>> {
        let Some(name) = self.left.next() else { return Ok(None) };
        self.found.push((name, Shape::Scalar));
        self.refused = Some(name);
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'static>>(&mut self, seed: V) -> Answer<V::Value> {
        self.refused = None;
        match self.found.last_mut() {
            Some((_, shape)) => seed.deserialize(Recorder { shape, aliases: self.aliases }),
            None => Err(Self::Error::custom("a value without a key")),
        }
    }
}
