package models

import (
	"fmt"
	"os"
	"path/filepath"
)

// Dir is the folder that holds the models: $SORI_MODELS, else sori/models in
// the user's cache folder. getenv is os.Getenv or a stand-in for it.
func Dir(getenv func(string) string) (string, error) {
	if d := getenv("SORI_MODELS"); d != "" {
		abs, err := filepath.Abs(d)
		if err != nil {
			return "", &Error{Code: CodeFolder, What: "the models folder " + d + " has no absolute path", Do: "Set SORI_MODELS to an absolute path.", Err: err}
		}
		return abs, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", &Error{Code: CodeFolder, What: "this user has no cache folder for models", Do: "Set SORI_MODELS to a folder that sori may write to.", Err: err}
	}
	return filepath.Join(cache, "sori", "models"), nil
}

// Files are the paths that the engines open.
type Files struct {
	Runtime      string // ONNX Runtime's shared library
	Encoder      string // Moonshine
	Decoder      string
	Vocabulary   string
	Silero       string
	Flite        string
	FliteLicence string
}

// Locate gives the paths of the files in the folder dir. It does not look
// whether they are there; [Check] does.
func Locate(dir string, bundles []Bundle) (Files, error) {
	var fs Files
	for _, want := range []struct {
		id string
		at *string
	}{
		{IDRuntime, &fs.Runtime},
		{IDEncoder, &fs.Encoder},
		{IDDecoder, &fs.Decoder},
		{IDVocabulary, &fs.Vocabulary},
		{IDSilero, &fs.Silero},
		{IDFlite, &fs.Flite},
		{IDFliteLicence, &fs.FliteLicence},
	} {
		path, ok := Path(dir, bundles, want.id)
		if !ok {
			return Files{}, fmt.Errorf("models: no bundle holds %q", want.id)
		}
		*want.at = path
	}
	return fs, nil
}

// Path is where the file with the given ID lies, below dir. ok is false when no
// bundle holds such a file.
func Path(dir string, bundles []Bundle, id string) (path string, ok bool) {
	for _, b := range bundles {
		for _, f := range b.Files {
			if f.ID == id {
				return filepath.Join(dir, b.ID, f.Name), true
			}
		}
	}
	return "", false
}
