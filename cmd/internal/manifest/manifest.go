// Package manifest is the list of files that rs2d put -r stores beside them: which blobs,
// or patches of quilts, each file is made of. It is a blob itself, of JSON, whose id stands
// for all of them.
package manifest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
)

// ErrMalformed is returned for bytes that are no manifest. What wraps it says why.
var ErrMalformed = errors.New("not a manifest")

// version is what a manifest begins with.
const version = 1

// Head is how all manifests begin.
const Head = `{"rs2d_manifest":`

// Manifest is files by their paths, in order.
type Manifest struct{ Files []File }

// File is a regular file. Its content is that of its parts, one after another. Or it is a directory
// without files, which has neither a size nor parts.
type File struct {
	Path  string // relative, with slashes, and within the directory it is relative to
	Size  uint64
	Mode  uint32 // permissions, and DirMode
	Parts []Part
}

// DirMode is what the mode of a directory has beside its permissions, as in Unix.
const DirMode = 0o40000

// IsDir reports whether it is a directory.
func (f *File) IsDir() bool { return f.Mode&DirMode != 0 }

// Part is bytes of a file: a blob, or if Patch is set a patch of a quilt.
type Part struct {
	Blob  commit.BlobID
	Patch *quilt.PatchID
	Size  uint64
}

// ID writes the id of the blob or the patch.
func (p Part) ID() string {
	if p.Patch != nil {
		return p.Patch.String()
	}
	return p.Blob.String()
}

// Holds returns the blob that the part is of: itself, or the quilt.
func (p Part) Holds() commit.BlobID {
	if p.Patch != nil {
		return p.Patch.Quilt
	}
	return p.Blob
}

// wire is a manifest in JSON.
type wire struct {
	Version int        `json:"rs2d_manifest"`
	Files   []wireFile `json:"files"`
}

type wireFile struct {
	Path   string     `json:"path"`
	Base64 string     `json:"path_base64,omitempty"` // the exact bytes, if they are not UTF-8
	Size   uint64     `json:"size"`
	Mode   string     `json:"mode"` // octal
	Parts  []wirePart `json:"parts"`
}

type wirePart struct {
	ID   string `json:"id"`
	Size uint64 `json:"size"`
}

// Marshal writes a manifest, its files sorted by their paths. The error wraps ErrMalformed
// if Parse would refuse it.
func (m *Manifest) Marshal() ([]byte, error) {
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	if err := m.check(); err != nil {
		return nil, err
	}
	w := wire{Version: version, Files: make([]wireFile, len(m.Files))}
	for i, f := range m.Files {
		to := &w.Files[i]
		*to = wireFile{Path: f.Path, Size: f.Size, Mode: strconv.FormatUint(uint64(f.Mode), 8), Parts: make([]wirePart, len(f.Parts))}
		if !utf8.ValidString(f.Path) {
			to.Path, to.Base64 = strings.ToValidUTF8(f.Path, "\uFFFD"), base64.StdEncoding.EncodeToString([]byte(f.Path))
		}
		for k, p := range f.Parts {
			to.Parts[k] = wirePart{p.ID(), p.Size}
		}
	}
	return json.Marshal(w)
}

// Parse reads what Marshal writes. The error wraps ErrMalformed.
func Parse(data []byte) (*Manifest, error) {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if w.Version != version {
		return nil, fmt.Errorf("%w: rs2d_manifest is %d instead of %d", ErrMalformed, w.Version, version)
	}
	m := &Manifest{Files: make([]File, len(w.Files))}
	for i := range w.Files {
		f, err := w.Files[i].file()
		if err != nil {
			return nil, fmt.Errorf("%w: %q: %w", ErrMalformed, w.Files[i].Path, err)
		}
		m.Files[i] = f
	}
	return m, m.check()
}

func (w *wireFile) file() (f File, err error) {
	f = File{Path: w.Path, Size: w.Size, Parts: make([]Part, len(w.Parts))}
	if w.Base64 != "" {
		exact, err := base64.StdEncoding.DecodeString(w.Base64)
		if err != nil {
			return f, err
		}
		f.Path = string(exact)
	}
	mode, err := strconv.ParseUint(w.Mode, 8, 32)
	if err != nil {
		return f, err
	}
	f.Mode = uint32(mode)
	for k, p := range w.Parts {
		if f.Parts[k], err = p.part(); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (w wirePart) part() (p Part, err error) {
	p.Size = w.Size
	if p.Blob, err = commit.ParseBlobID(w.ID); err == nil {
		return p, nil
	}
	patch, err := quilt.ParsePatchID(w.ID)
	if err != nil {
		return p, fmt.Errorf("%q is no id of a blob or a patch", w.ID)
	}
	return Part{Patch: &patch, Size: w.Size}, nil
}

// check returns an error that wraps ErrMalformed if a file lies where none may, if two are
// in one place, or if the parts of one are not what it is.
func (m *Manifest) check() error {
	seen := make(map[string]bool, len(m.Files))
	for _, f := range m.Files {
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("%w: %q "+format, append([]any{ErrMalformed, f.Path}, args...)...)
		}
		switch {
		case f.Path == "." || path.Clean(f.Path) != f.Path || !filepath.IsLocal(filepath.FromSlash(f.Path)) || strings.ContainsRune(f.Path, 0):
			return wrong("is no path within a directory")
		case seen[f.Path]:
			return wrong("is there twice")
		case f.Mode&^(0o777|DirMode) != 0:
			return wrong("has the mode %o, which is more than permissions", f.Mode)
		case f.IsDir() && (f.Size > 0 || len(f.Parts) > 0):
			return wrong("is a directory, and has bytes")
		}
		seen[f.Path] = true
		rest := f.Size
		for _, p := range f.Parts {
			if p.Size > rest {
				return wrong("has %d bytes, and its parts have more", f.Size)
			}
			rest -= p.Size
		}
		if rest > 0 {
			return wrong("has %d bytes, and its parts have %d less", f.Size, rest)
		}
	}
	return nil
}

// Blobs returns the blobs that the files are in, each once: quilts too.
func (m *Manifest) Blobs() (ids []commit.BlobID) {
	seen := make(map[commit.BlobID]bool)
	for _, f := range m.Files {
		for _, p := range f.Parts {
			if id := p.Holds(); !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}
