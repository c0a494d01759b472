package responder

import (
	"strings"
	"time"
)

// clock answers questions about the time and the date.
func (t turn) clock(s sentence) string {
	if len(s) > 12 {
		return ""
	}
	now := t.now()
	asks := s.has(0, "what", "which", "tell", "when", "do", "give", "is", "time", "date", "day", "say", "current", "the", "today")
	switch {
	case s.begins("how many days until"), s.begins("how many days till"), s.begins("how many days to"), s.begins("how long until"):
		return daysUntil(now, s)
	case !asks:
		return ""
	case s.contains("what time", "the time", "current time", "have the time") || s.is("time", "time now"):
		if s.contains("time in", "time is it in") && !s.contains("in the") {
			return "I only know the time here. It is " + sayTime(now) + "."
		}
		if s.contains("first time", "last time", "time of", "time for", "all the time") {
			return ""
		}
		return "It is " + sayTime(now) + "."
	case s.contains("tomorrow") && s.asksForDay():
		return "Tomorrow is " + sayDate(now.AddDate(0, 0, 1)) + "."
	case s.contains("yesterday") && s.asksForDay():
		return "Yesterday was " + sayDate(now.AddDate(0, 0, -1)) + "."
	case s.contains("what year is it", "which year is it", "current year", "what year is this", "what is the year"):
		return "It is now " + inWords(now.Year()/100) + " " + inWords(now.Year()%100) + "."
	case s.contains("what month is it", "which month is it", "current month", "what month is this", "what is the month"):
		return "It is " + now.Month().String() + "."
	case s.contains("what day of the week", "which day of the week"):
		return "It is " + now.Weekday().String() + "."
	case s.asksForDay() && (s.contains("today", "today's", "the date", "is it", "current date", "todays", "is this") || len(s) == 1):
		return "It is " + sayDate(now) + "."
	}
	return ""
}

// asksForDay says whether the sentence is about a day or a date.
func (s sentence) asksForDay() bool {
	if s.contains("meeting", "birthday", "plan", "plans", "weather", "news", "lunch", "dinner") {
		return false
	}
	return s.contains("day", "date", "today's date", "todays date", "weekday") || s.is("what is today", "what is tomorrow", "what was yesterday", "today")
}

// sayTime writes a time of day as it is spoken, on the twelve-hour clock.
func sayTime(now time.Time) string {
	part := "in the evening"
	switch h := now.Hour(); {
	case h < 5, h >= 22:
		part = "at night"
	case h < 12:
		part = "in the morning"
	case h < 18:
		part = "in the afternoon"
	}
	hour := (now.Hour()+11)%12 + 1
	if now.Minute() == 0 {
		switch now.Hour() {
		case 0:
			return "midnight"
		case 12:
			return "noon"
		}
		return inWords(hour) + " o'clock " + part
	}
	minute := inWords(now.Minute())
	if now.Minute() < 10 {
		minute = "oh " + minute
	}
	return inWords(hour) + " " + minute + " " + part
}

// sayDate writes a date as it is spoken.
func sayDate(day time.Time) string {
	return day.Format("Monday, January 2, 2006")
}

// daysUntil counts the days to a holiday of fixed date, or to a day of the week.
func daysUntil(now time.Time, s sentence) string {
	today := time.Date(now.Year(), now.Month(), now.Day(), 12, 0, 0, 0, time.UTC)
	name, day := "", today
	switch {
	case s.contains("christmas"):
		name, day = "Christmas", time.Date(now.Year(), time.December, 25, 12, 0, 0, 0, time.UTC)
	case s.contains("new year", "new year's", "new years"):
		name, day = "New Year", time.Date(now.Year()+1, time.January, 1, 12, 0, 0, 0, time.UTC)
	case s.contains("halloween"):
		name, day = "Halloween", time.Date(now.Year(), time.October, 31, 12, 0, 0, 0, time.UTC)
	default:
		for d := range 7 {
			if w := today.AddDate(0, 0, d+1); s.contains(strings.ToLower(w.Weekday().String())) {
				name, day = w.Weekday().String(), w
			}
		}
	}
	if name == "" {
		return ""
	}
	if day.Before(today) {
		day = day.AddDate(1, 0, 0)
	}
	switch n := int(day.Sub(today).Hours() / 24); n {
	case 0:
		return name + " is today."
	case 1:
		return name + " is tomorrow."
	default:
		return "There are " + inWords(n) + " days until " + name + "."
	}
}
