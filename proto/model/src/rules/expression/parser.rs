//! Tokens → [`Ast`], by MySQL's precedence.

use super::ast::{Arith, Ast, Binary, Cast, Compare, Unary};
use super::token::{Token, tokens};
use super::{DEPTH_MAX, EXPRESSION_BYTES_MAX, OPERATORS_MAX};

/// Words that begin something else than a column.
const RESERVED: &[&str] = &[
    "AND", "OR", "XOR", "NOT", "IS", "IN", "BETWEEN", "LIKE", "REGEXP", "RLIKE", "CASE", "WHEN",
    "THEN", "ELSE", "END", "DIV", "MOD", "SELECT", "EXISTS", "INTERVAL", "BINARY", "COLLATE",
    "ESCAPE", "AS",
];

/// Parses a whole expression; the error says where it stopped to be one.
pub(crate) fn parse(text: &str) -> Result<Ast, String> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(format!("it is longer than {EXPRESSION_BYTES_MAX} bytes"));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
        operators: 0,
    };
    let ast = parser.or()?;
    match parser.tokens.get(parser.next) {
        None => Ok(ast),
        Some((at, token)) => Err(format!("{token:?} at byte {at} is not expected there")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
    operators: usize,
}

type Parsed = Result<Ast, String>;

impl Parser {
    fn or(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX}"));
        }
        let mut left = self.xor()?;
        while self.word("OR") || self.symbol("||") {
            let right = self.xor()?;
            left = self.binary(Binary::Or, left, right)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn xor(&mut self) -> Parsed {
        let mut left = self.and()?;
        while self.word("XOR") {
            let right = self.and()?;
            left = self.binary(Binary::Xor, left, right)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.not()?;
        while self.word("AND") || self.symbol("&&") {
            let right = self.not()?;
            left = self.binary(Binary::And, left, right)?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed {
        let mut count = 0_usize;
        while self.word("NOT") {
            count += 1;
        }
        self.operators += count;
        let mut inner = self.comparison()?;
        if self.operators > OPERATORS_MAX {
            return Err(format!("it has more than {OPERATORS_MAX} operators"));
        }
        for _ in 0..count {
            inner = Ast::Unary(Unary::Not, Box::new(inner));
        }
        Ok(inner)
    }

    fn comparison(&mut self) -> Parsed {
        const COMPARES: &[(&str, Compare)] = &[
            ("=", Compare::Equal),
            ("<=>", Compare::NullSafe),
            ("<>", Compare::NotEqual),
            ("!=", Compare::NotEqual),
            ("<=", Compare::LessEqual),
            ("<", Compare::Less),
            (">=", Compare::GreaterEqual),
            (">", Compare::Greater),
        ];
        let mut left = self.predicate()?;
        loop {
            if let Some((_, compare)) = COMPARES.iter().find(|(text, _)| self.symbol(text)) {
                let right = self.predicate()?;
                left = self.binary(Binary::Compare(*compare), left, right)?;
            } else if self.word("IS") {
                let negated = self.word("NOT");
                let test = if self.word("NULL") || self.word("UNKNOWN") {
                    Ast::IsNull(Box::new(left))
                } else if self.word("TRUE") {
                    Ast::IsTruth(Box::new(left), true)
                } else if self.word("FALSE") {
                    Ast::IsTruth(Box::new(left), false)
                } else {
                    return Err(self.expected("NULL, TRUE, FALSE or UNKNOWN"));
                };
                left = negate(test, negated);
            } else {
                return Ok(left);
            }
        }
    }

    fn predicate(&mut self) -> Parsed {
        let left = self.sum()?;
        let negated = self.word("NOT");
        if self.word("IN") {
            self.expect("(")?;
            let list = self.list()?;
            return Ok(negate(Ast::In(Box::new(left), list), negated));
        }
        if self.word("BETWEEN") {
            let low = self.sum()?;
            if !self.word("AND") {
                return Err(self.expected("AND"));
            }
            let high = self.predicate()?;
            let between = Ast::Between(Box::new(left), Box::new(low), Box::new(high));
            return Ok(negate(between, negated));
        }
        if self.word("LIKE") {
            let pattern = self.sum()?;
            let mut escape = Some('\\');
            if self.word("ESCAPE") {
                let Some((_, Token::Text(text))) = self.tokens.get(self.next).cloned() else {
                    return Err(self.expected("a text of at most one character"));
                };
                self.next += 1;
                let mut chars = text.chars();
                escape = chars.next();
                if chars.next().is_some() {
                    return Err("ESCAPE takes at most one character".to_owned());
                }
            }
            let like = Ast::Like(Box::new(left), Box::new(pattern), escape);
            return Ok(negate(like, negated));
        }
        if negated || self.word("REGEXP") || self.word("RLIKE") {
            return Err(self.expected("IN, BETWEEN or LIKE"));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        loop {
            let operator = if self.symbol("+") {
                Arith::Add
            } else if self.symbol("-") {
                Arith::Subtract
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = self.binary(Binary::Arith(operator), left, right)?;
        }
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.unary()?;
        loop {
            let operator = if self.symbol("*") {
                Arith::Multiply
            } else if self.symbol("/") {
                Arith::Divide
            } else if self.word("DIV") {
                Arith::IntDivide
            } else if self.symbol("%") || self.word("MOD") {
                Arith::Modulo
            } else {
                return Ok(left);
            };
            let right = self.unary()?;
            left = self.binary(Binary::Arith(operator), left, right)?;
        }
    }

    fn unary(&mut self) -> Parsed {
        let mut operators = Vec::new();
        loop {
            if self.symbol("-") {
                operators.push(Unary::Minus);
            } else if self.symbol("!") {
                operators.push(Unary::Not);
            } else if !self.symbol("+") {
                break;
            }
        }
        self.operators += operators.len();
        if self.operators > OPERATORS_MAX {
            return Err(format!("it has more than {OPERATORS_MAX} operators"));
        }
        let mut inner = self.primary()?;
        while self.word("COLLATE") {
            inner = Ast::Collate(Box::new(inner), self.name()?);
        }
        for operator in operators.into_iter().rev() {
            inner = Ast::Unary(operator, Box::new(inner));
        }
        Ok(inner)
    }

    fn primary(&mut self) -> Parsed {
        let Some((_, token)) = self.tokens.get(self.next).cloned() else {
            return Err("it ends too early".to_owned());
        };
        self.next += 1;
        Ok(match token {
            Token::Int(value) => Ast::Int(value),
            Token::Decimal(value) => Ast::Decimal(value),
            Token::Double(value) => Ast::Double(value),
            Token::Bytes(bytes) => Ast::Bytes(bytes),
            Token::Text(mut text) => {
                // Neighbours are one text.
                while let Some((_, Token::Text(more))) = self.tokens.get(self.next) {
                    text.push_str(more);
                    self.next += 1;
                }
                Ast::Text(text)
            }
            Token::Symbol("(") => {
                let inner = self.or()?;
                self.expect(")")?;
                inner
            }
            Token::Name(name) => self.column(name)?,
            Token::Word(word) => self.word_value(word)?,
            Token::Symbol(_) => {
                self.next -= 1;
                return Err(self.expected("a value"));
            }
        })
    }

    fn word_value(&mut self, word: String) -> Parsed {
        let upper = word.to_uppercase();
        match upper.as_str() {
            "NULL" => return Ok(Ast::Null),
            "TRUE" => return Ok(Ast::Int(1)),
            "FALSE" => return Ok(Ast::Int(0)),
            "CASE" => return self.case(),
            "CAST" => return self.cast(),
            _ => {}
        }
        for kind in ["DATE", "TIME", "TIMESTAMP"] {
            if upper == kind
                && let Some((_, Token::Text(text))) = self.tokens.get(self.next).cloned()
            {
                self.next += 1;
                return Ok(Ast::Temporal(kind, text));
            }
        }
        if self.symbol("(") {
            return Ok(Ast::Call(upper, self.list()?));
        }
        if RESERVED.contains(&upper.as_str()) {
            self.next -= 1;
            return Err(self.expected("a value"));
        }
        self.column(word)
    }

    /// `c`, `t.c` and `s.t.c`: the expression is for one table, so only the last name counts.
    fn column(&mut self, mut name: String) -> Parsed {
        while self.symbol(".") {
            name = self.name()?;
        }
        Ok(Ast::Column(name))
    }

    fn case(&mut self) -> Parsed {
        let operand = if self.peek_word("WHEN") {
            None
        } else {
            Some(Box::new(self.or()?))
        };
        let mut branches = Vec::new();
        while self.word("WHEN") {
            let when = self.or()?;
            if !self.word("THEN") {
                return Err(self.expected("THEN"));
            }
            branches.push((when, self.or()?));
        }
        let otherwise = if self.word("ELSE") {
            Some(Box::new(self.or()?))
        } else {
            None
        };
        if branches.is_empty() || !self.word("END") {
            return Err(self.expected("WHEN or END"));
        }
        Ok(Ast::Case(operand, branches, otherwise))
    }

    fn cast(&mut self) -> Parsed {
        self.expect("(")?;
        let inner = self.or()?;
        if !self.word("AS") {
            return Err(self.expected("AS"));
        }
        let to = if self.word("SIGNED") {
            Cast::Signed
        } else if self.word("UNSIGNED") {
            Cast::Unsigned
        } else {
            return Err(self.expected("SIGNED or UNSIGNED"));
        };
        let _either = self.word("INTEGER") || self.word("INT");
        self.expect(")")?;
        Ok(Ast::Cast(Box::new(inner), to))
    }

    /// Bounded, because what is parsed is evaluated by recursion.
    fn binary(&mut self, operator: Binary, left: Ast, right: Ast) -> Parsed {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            return Err(format!("it has more than {OPERATORS_MAX} operators"));
        }
        Ok(Ast::Binary(operator, Box::new(left), Box::new(right)))
    }

    /// Up to the closing parenthesis.
    fn list(&mut self) -> Result<Vec<Ast>, String> {
        let mut items = Vec::new();
        if self.symbol(")") {
            return Ok(items);
        }
        loop {
            items.push(self.or()?);
            if self.symbol(")") {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.tokens.get(self.next).cloned() {
            Some((_, Token::Word(name) | Token::Name(name))) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.expected("a name")),
        }
    }

    fn peek_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.next), Some((_, Token::Word(own))) if own.eq_ignore_ascii_case(word))
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        self.next += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found =
            matches!(self.tokens.get(self.next), Some((_, Token::Symbol(own))) if *own == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.symbol(symbol) {
            Ok(())
        } else {
            Err(self.expected(symbol))
        }
    }

    fn expected(&self, what: &str) -> String {
        match self.tokens.get(self.next) {
            Some((at, token)) => format!("expected {what} at byte {at}, found {token:?}"),
            None => format!("expected {what} at the end"),
        }
    }
}

fn negate(ast: Ast, negated: bool) -> Ast {
    if negated {
        Ast::Unary(Unary::Not, Box::new(ast))
    } else {
        ast
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_mysqls() {
        let same = |a: &str, b: &str| assert_eq!(parse(a).unwrap(), parse(b).unwrap(), "{a} / {b}");
        same("a OR b AND c", "a OR (b AND c)");
        same("NOT a = b", "NOT (a = b)");
        same("a = b OR c < d + e * f", "(a = b) OR (c < (d + (e * f)))");
        same("a BETWEEN 1 AND 2 AND b", "(a BETWEEN 1 AND 2) AND b");
        same("-a * b", "(-a) * b");
        same("a XOR b OR c", "(a XOR b) OR c");
        same("a = b IS NULL", "(a = b) IS NULL");
        same("`t`.`a` NOT IN (1, 'x')", "NOT (a IN (1, 'x'))");
        same("'a' 'b'", "'ab'");
        same("a && !b || c", "(a AND (NOT b)) OR c");
    }

    #[test]
    fn what_is_no_expression_is_refused_with_a_place() {
        for (text, word) in [
            ("a = ", "ends"),
            ("a = 1)", "byte 5"),
            ("a LIKE", "ends"),
            ("(a", "expected )"),
            ("'x", "does not end"),
            ("a REGEXP 'x'", "expected"),
            ("a ~ b", "not understood"),
            ("SELECT 1", "expected a value"),
            ("CASE a END", "WHEN"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(parse(&"(".repeat(5_000)).is_err());
    }
}
