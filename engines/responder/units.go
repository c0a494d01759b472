package responder

// unit is a unit of measure: value in base units = v*factor + offset.
type unit struct {
	kind           string
	one, many      string
	factor, offset float64
}

// unitNamed gives the unit for a word, or two words joined by a space.
func unitNamed(w string) (unit, bool) {
	switch w {
	case "m", "meter", "meters", "metre", "metres":
		return unit{"length", "meter", "meters", 1, 0}, true
	case "km", "kilometer", "kilometers", "kilometre", "kilometres", "kilometre's":
		return unit{"length", "kilometer", "kilometers", 1000, 0}, true
	case "cm", "centimeter", "centimeters", "centimetre", "centimetres":
		return unit{"length", "centimeter", "centimeters", 0.01, 0}, true
	case "mm", "millimeter", "millimeters", "millimetre", "millimetres":
		return unit{"length", "millimeter", "millimeters", 0.001, 0}, true
	case "mi", "mile", "miles":
		return unit{"length", "mile", "miles", 1609.344, 0}, true
	case "yd", "yard", "yards":
		return unit{"length", "yard", "yards", 0.9144, 0}, true
	case "ft", "foot", "feet":
		return unit{"length", "foot", "feet", 0.3048, 0}, true
	case "inch", "inches":
		return unit{"length", "inch", "inches", 0.0254, 0}, true
	case "nautical mile", "nautical miles":
		return unit{"length", "nautical mile", "nautical miles", 1852, 0}, true
	case "kg", "kilo", "kilos", "kilogram", "kilograms":
		return unit{"mass", "kilogram", "kilograms", 1, 0}, true
	case "g", "gram", "grams":
		return unit{"mass", "gram", "grams", 0.001, 0}, true
	case "mg", "milligram", "milligrams":
		return unit{"mass", "milligram", "milligrams", 1e-6, 0}, true
	case "ton", "tons", "tonne", "tonnes":
		return unit{"mass", "ton", "tons", 1000, 0}, true
	case "lb", "lbs", "pound", "pounds":
		return unit{"mass", "pound", "pounds", 0.45359237, 0}, true
	case "oz", "ounce", "ounces":
		return unit{"mass", "ounce", "ounces", 0.028349523125, 0}, true
	case "stone", "stones":
		return unit{"mass", "stone", "stone", 6.35029318, 0}, true
	case "celsius", "centigrade", "c", "degrees celsius", "degree celsius", "degrees centigrade", "degrees c", "° c":
		return unit{"temperature", "degree Celsius", "degrees Celsius", 1, 273.15}, true
	case "fahrenheit", "f", "degrees fahrenheit", "degree fahrenheit", "degrees f", "° f":
		return unit{"temperature", "degree Fahrenheit", "degrees Fahrenheit", 5.0 / 9, 459.67 * 5 / 9}, true
	case "kelvin", "kelvins":
		return unit{"temperature", "kelvin", "kelvin", 1, 0}, true
	case "l", "liter", "liters", "litre", "litres":
		return unit{"volume", "liter", "liters", 1, 0}, true
	case "ml", "milliliter", "milliliters", "millilitre", "millilitres":
		return unit{"volume", "milliliter", "milliliters", 0.001, 0}, true
	case "gallon", "gallons":
		return unit{"volume", "gallon", "gallons", 3.785411784, 0}, true
	case "pint", "pints":
		return unit{"volume", "pint", "pints", 0.473176473, 0}, true
	case "quart", "quarts":
		return unit{"volume", "quart", "quarts", 0.946352946, 0}, true
	case "cup", "cups":
		return unit{"volume", "cup", "cups", 0.2365882365, 0}, true
	case "tablespoon", "tablespoons":
		return unit{"volume", "tablespoon", "tablespoons", 0.01478676478125, 0}, true
	case "teaspoon", "teaspoons":
		return unit{"volume", "teaspoon", "teaspoons", 0.00492892159375, 0}, true
	case "fluid ounce", "fluid ounces":
		return unit{"volume", "fluid ounce", "fluid ounces", 0.0295735295625, 0}, true
	case "mph", "miles per hour", "miles an hour":
		return unit{"speed", "mile per hour", "miles per hour", 0.44704, 0}, true
	case "kmh", "kph", "kilometers per hour", "kilometres per hour", "kilometers an hour", "km per hour", "km / h":
		return unit{"speed", "kilometer per hour", "kilometers per hour", 1 / 3.6, 0}, true
	case "meters per second", "metres per second":
		return unit{"speed", "meter per second", "meters per second", 1, 0}, true
	case "knot", "knots":
		return unit{"speed", "knot", "knots", 1852.0 / 3600, 0}, true
	case "second", "seconds", "sec", "secs":
		return unit{"time", "second", "seconds", 1, 0}, true
	case "millisecond", "milliseconds":
		return unit{"time", "millisecond", "milliseconds", 0.001, 0}, true
	case "minute", "minutes", "min", "mins":
		return unit{"time", "minute", "minutes", 60, 0}, true
	case "hour", "hours", "hr", "hrs":
		return unit{"time", "hour", "hours", 3600, 0}, true
	case "day", "days":
		return unit{"time", "day", "days", 86400, 0}, true
	case "week", "weeks":
		return unit{"time", "week", "weeks", 7 * 86400, 0}, true
	case "month", "months":
		return unit{"time", "month", "months", 365.25 / 12 * 86400, 0}, true
	case "year", "years":
		return unit{"time", "year", "years", 365.25 * 86400, 0}, true
	}
	return unit{}, false
}

// readUnit reads a unit of one to three words at the beginning of the sentence.
func (s sentence) readUnit() (u unit, n int, ok bool) {
	for n := min(3, len(s)); n > 0; n-- {
		if u, ok := unitNamed(s[:n].key()); ok {
			return u, n, true
		}
	}
	return unit{}, 0, false
}

// convert answers "convert five miles to kilometers", "how many feet are in a
// mile" and their like.
func (t turn) convert(s sentence) string {
	// How many Y (are there) in N X?
	if rest, ok := s.after("how many", "how much"); ok {
		if to, n, ok := rest.readUnit(); ok {
			rest = rest[n:]
			for rest.has(0, "are", "is", "there", "in", "make", "makes", "does", "do", "per", "equal", "equals") {
				rest = rest[1:]
			}
			if v, from, ok := rest.readQuantity(); ok {
				return sayConversion(v, from, to)
			}
		}
	}
	rest := s
	for {
		r, ok := rest.after("what is", "what are", "how much is", "how much are", "how many is", "how long is", "how far is", "how heavy is", "how hot is", "how cold is",
			"how fast is", "how tall is", "convert", "change", "turn", "translate", "express", "calculate")
		if !ok {
			break
		}
		rest = r
	}
	v, from, n, ok := rest.readQuantityN()
	if !ok {
		return ""
	}
	rest = rest[n:]
	if !rest.has(0, "to", "in", "into", "as", "is", "equals", "=", "are") {
		return ""
	}
	rest = rest[1:]
	for rest.has(0, "how", "many", "what", "in", "degrees") && len(rest) > 1 {
		if _, _, isUnit := rest.readUnit(); isUnit {
			break
		}
		rest = rest[1:]
	}
	to, n, ok := rest.readUnit()
	if !ok || n != len(rest) {
		return ""
	}
	return sayConversion(v, from, to)
}

// readQuantity reads a number and its unit that make up the whole sentence.
func (s sentence) readQuantity() (v float64, u unit, ok bool) {
	v, u, n, ok := s.readQuantityN()
	return v, u, ok && n == len(s)
}

// readQuantityN reads a number and its unit, n words.
func (s sentence) readQuantityN() (v float64, u unit, n int, ok bool) {
	v, n = s.readNumber()
	if n == 0 {
		if !s.has(0, "a", "an", "one") {
			return 0, unit{}, 0, false
		}
		v, n = 1, 1
	}
	if s.has(n, "a", "an") { // "half an hour"
		n++
	}
	if s.has(n, "degrees", "degree") {
		if _, _, isUnit := s[n:].readUnit(); !isUnit {
			n++
		}
	}
	u, m, ok := s[n:].readUnit()
	return v, u, n + m, ok
}

func sayConversion(v float64, from, to unit) string {
	if from.kind != to.kind {
		return upper(from.many) + " and " + to.many + " measure different things."
	}
	base := v*from.factor + from.offset
	if from.kind == "temperature" && base < -1e-9 {
		return "Nothing can be as cold as that."
	}
	result := (base - to.offset) / to.factor
	if result > 1e15 || result < -1e15 {
		return "That number is too large for me."
	}
	about := ""
	if isRounded(result) {
		about = "about "
	}
	verb := " is "
	if v != 1 && from.kind != "temperature" {
		verb = " are "
	}
	return upper(quantity(v, from)) + verb + about + quantity(result, to) + "."
}

// quantity writes a number with its unit.
func quantity(v float64, u unit) string {
	if v == 1 {
		return "one " + u.one
	}
	return sayNumber(v) + " " + u.many
}
