package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sori/engines/llama"
	"sori/engines/models"
)

// chatModel is a language model that `sori models pull` fetches by its name,
// which may also stand behind local: .
type chatModel struct {
	name, id  string
	languages []string // base tags of what it answers in
}

func chatModels() []chatModel {
	// Those that Qwen names.
	many := []string{"en", "ko", "zh", "ja", "de", "fr", "es", "pt", "it", "ru", "vi", "th", "ar"}
	return []chatModel{
		{models.NameQwen, models.IDQwen, many},
		{models.NameQwenLarge, models.IDQwenLarge, many},
		{models.NameSmolLM, models.IDSmolLM, []string{"en"}},
	}
}

func modelNamed(name string) (m chatModel, ok bool) {
	i := slices.IndexFunc(chatModels(), func(m chatModel) bool { return m.name == name })
	if i < 0 {
		return chatModel{}, false
	}
	return chatModels()[i], true
}

// parseModel reads FILE.gguf?name=value&… .
func parseModel(spec string) (file string, o llama.Options, err error) {
	file, query, _ := strings.Cut(spec, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", o, fmt.Errorf("the options of the language model %q: %w", spec, err)
	}
	named, isNamed := modelNamed(file)
	if !isNamed && !strings.EqualFold(filepath.Ext(file), ".gguf") {
		var all []string
		for _, m := range chatModels() {
			all = append(all, m.name)
		}
		return "", o, fmt.Errorf("%q is no language model that sori can run: it takes a GGUF file, FILE.gguf, or one of %s", file, strings.Join(all, ", "))
	}
	o.Languages = named.languages
	numbers := map[string]*int{"threads": &o.Threads, "window": &o.Window, "conversations": &o.Conversations, "tokens": &o.MaxTokens}
	for name, all := range values {
		value := all[len(all)-1]
		at, isNumber := numbers[name]
		switch {
		case isNumber:
			if *at, err = strconv.Atoi(value); err != nil || *at < 1 {
				return "", o, fmt.Errorf("the language model's option %s=%s has to be a number from 1 on", name, value)
			}
		case name == "temperature":
			if o.Temperature, err = strconv.ParseFloat(value, 64); err != nil || o.Temperature > 2 {
				return "", o, fmt.Errorf("the language model's option temperature=%s has to be a number up to 2", value)
			}
		case name == "template":
			o.Template = value
		case name == "languages":
			o.Languages = strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ';' })
		default:
			return "", o, fmt.Errorf("the language model has no option %q; there are threads, window, conversations, tokens, temperature, template and languages", name)
		}
	}
	return file, o, nil
}

// findModel gives the path of a language model's file.
func findModel(dir, file string) (string, error) {
	if m, ok := modelNamed(file); ok {
		return findExtra(dir, m.name, m.id)
	}
	return filepath.Abs(file)
}

// inspectModel looks for what a language model needs, without loading it.
func inspectModel(modelsDir, choice string) error {
	file, o, err := parseModel(choice)
	if err != nil {
		return err
	}
	if _, err := findExtra(modelsDir, models.NameLlama, models.IDLlama); err != nil {
		return err
	}
	path, err := findModel(modelsDir, file)
	if err != nil {
		return err
	}
	return llama.Inspect(path, o)
}
