//! The grammar of JSON, for all tokens of 256 bytes at once.
//!
//! What may stand behind a token is a set of places. The places behind all tokens of one kind are the bits of that kind,
//! one up, and then over white space; both have to agree. What one round leaves to the next is carried in `Grammar`.

use super::escapes::Escapes;
use super::lanes::{Lanes, LANES};
use super::masks::{Masks, BLOCK};
use super::nesting::{Brackets, Nesting};

/// What is left to be done.
pub struct Found {
    /// Quotes before names directly within the object.
    pub names: [u64; LANES],
    /// Whether one of those names has a backslash.
    pub escaped: bool,
    /// Bytes of words, and of numbers with more than digits.
    pub odd: Option<[u64; LANES]>,
    /// How many bytes the object takes, where it ends here.
    pub end: Option<usize>,
}

pub struct Grammar {
    nesting: Nesting,
    escapes: Escapes,
    in_string: bool,
    in_name: bool,
    // Of each kind what counts is the last place: what comes first in the next round is behind it.
    token: Lanes,
    minus: Lanes,
    zero: Lanes,
    before_name: Lanes,
    before_first_name: Lanes,
    before_value: Lanes,
    before_first_item: Lanes,
    before_end: Lanes,
}

impl Grammar {
    /// A value has to come, nested no deeper than that.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    pub unsafe fn at_value(deepest: usize) -> Self {
        // SAFETY: by contract.
        let (none, last) = unsafe { (Lanes::none(), Lanes::load(&[0, 0, 0, 1 << 63])) };
        Grammar {
            nesting: Nesting::new(deepest),
            escapes: Escapes::default(),
            in_string: false,
            in_name: false,
            token: none,
            minus: none,
            zero: none,
            before_name: none,
            before_first_name: none,
            before_value: last,
            before_first_item: none,
            before_end: none,
        }
    }

    /// `rest` is what the masks are of, and all that follows. None where something is wrong.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    pub unsafe fn read(&mut self, masks: &mut Masks, rest: &[u8]) -> Option<Found> {
        (!masks.wrong).then_some(())?;
        let backslashes = masks.backslash != [0; LANES];
        if backslashes || self.escapes.is_open() {
            self.escapes.take(masks, rest)?;
        }
        // SAFETY: by contract.
        unsafe {
            let quote = Lanes::load(&masks.quote);
            let (string, in_string) = quote.parity(self.in_string);
            self.in_string = in_string;
            let (opening, closing) = (quote & string, quote.but(string));
            let outside = !(string | quote);

            let control = Lanes::load(&masks.control);
            let backslash = Lanes::load(&masks.backslash);
            let mut wrong = control & string | backslash & outside;
            let blank = (Lanes::load(&masks.space) | control) & outside;

            let mut live = Lanes::load(&masks.live);
            let bracket = Lanes::load(&masks.bracket) & outside;
            let mut brackets = Brackets::default();
            self.nesting.read((bracket & live).words(), rest, &mut brackets)?;
            if let Some(end) = brackets.end {
                live = live & Lanes::load(&up_to(end));
            }
            let (curly, square) = (Lanes::load(&brackets.curly), Lanes::load(&brackets.square));
            let (close, object) = (Lanes::load(&brackets.close), Lanes::load(&brackets.object));
            let root = Lanes::load(&brackets.root);
            let comma = Lanes::load(&masks.comma) & outside;
            let colon = Lanes::load(&masks.colon) & outside;

            // Words and numbers.
            let digit = Lanes::load(&masks.digit);
            let token = outside.but(comma | colon | bracket | blank);
            let behind_token = behind(token, &mut self.token);
            let start = token.but(behind_token);
            let minus = Lanes::load(&masks.minus) & start;
            let behind_minus = behind(minus, &mut self.minus);
            let zero = Lanes::load(&masks.zero) & (start | behind_minus);
            let behind_zero = behind(zero, &mut self.zero);
            wrong = wrong | behind_minus.but(digit) | behind_zero & digit;
            let odd = (token & live).but(digit | minus);

            let names = next(comma & object, &mut self.before_name, blank);
            let first_names = next(curly, &mut self.before_first_name, blank);
            let values = next(colon | comma.but(object), &mut self.before_value, blank);
            let first_items = next(square, &mut self.before_first_item, blank);

            // From the quote of a name up to its colon.
            let name = (names | first_names) & opening;
            let (naming, in_name) = (name | colon).parity(self.in_name);
            self.in_name = in_name;
            wrong = wrong | colon & naming | name.but(naming) | naming & (token | comma | bracket | opening.but(name));

            let end = closing.but(naming) | close;
            let ends = behind(end, &mut self.before_end) | behind_token.but(token);
            let ends = past(ends, &mut self.before_end, blank);

            let value = opening | start | curly | square;
            wrong = wrong
                | names.but(opening)
                | first_names.but(opening | close)
                | values.but(value)
                | first_items.but(value | close)
                | ends.but(comma | close);
            (wrong & live).is_none().then_some(())?;
            Some(Found {
                names: (name & live & root).words(),
                escaped: !(backslash & naming & root & live).is_none(),
                odd: (!odd.is_none()).then(|| odd.words()),
                end: brackets.end,
            })
        }
    }
}

/// The places behind these. `before` are those of the round before, and become these.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn behind(places: Lanes, before: &mut Lanes) -> Lanes {
    // SAFETY: by contract.
    let behind = unsafe { places.up(*before) };
    *before = places;
    behind
}

/// As `behind`, over white space.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn next(places: Lanes, before: &mut Lanes, blank: Lanes) -> Lanes {
    // SAFETY: by contract.
    unsafe {
        let places = behind(places, before);
        past(places, before, blank)
    }
}

/// The first places from these on that are no white space. Where that goes on beyond the last, `before` takes it on.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn past(mut places: Lanes, before: &mut Lanes, blank: Lanes) -> Lanes {
    // SAFETY: by contract.
    unsafe {
        loop {
            let over = places & blank;
            if over.is_none() {
                return places;
            }
            *before = *before | over;
            places = places.but(over) | over.up(Lanes::none());
        }
    }
}

/// The first places, and their number.
fn up_to(count: usize) -> [u64; LANES] {
    std::array::from_fn(|lane| match count.saturating_sub(lane * BLOCK) {
        0 => 0,
        left => u64::MAX >> (BLOCK - left.min(BLOCK)),
    })
}
