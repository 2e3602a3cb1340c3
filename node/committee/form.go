package committee

import "fmt"

// Form is what nodes keep of a blob's metadata.
type Form uint8

const (
	// Full is all of it: any node gives a reader all that it takes to verify slivers.
	Full Form = iota
	// Coded is a part of it, and what the node needs of its own slivers: O(n) bytes on all
	// nodes together instead of O(n²). Readers gather f+1 parts, see package coded.
	Coded
)

var formNames = [...]string{Full: "full", Coded: "coded"}

// String returns the name that UnmarshalText reads.
func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return fmt.Sprintf("form(%d)", uint8(f))
}

// MarshalText writes the form's name. The error says that there is no such form.
func (f Form) MarshalText() ([]byte, error) {
	if int(f) >= len(formNames) {
		return nil, fmt.Errorf("unknown form of metadata %v; known: full, coded", f)
	}
	return []byte(formNames[f]), nil
}

// UnmarshalText reads what MarshalText writes. The error says what there is to choose.
func (f *Form) UnmarshalText(text []byte) error {
	for form, name := range formNames {
		if string(text) == name {
			*f = Form(form)
			return nil
		}
	}
	return fmt.Errorf("unknown form of metadata %.20q; known: full, coded", text)
}
