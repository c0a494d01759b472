package models

// FlattenVocabulary opens flattenVocabulary to tests.
func FlattenVocabulary(source []byte) ([]byte, error) { return flattenVocabulary(source) }
