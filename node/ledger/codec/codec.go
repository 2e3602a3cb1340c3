// Package codec writes Go values in Binary Canonical Serialization, and reads them.
//
// A value is a struct of exported fields, which are written in their order: unsigned
// integers of fixed sizes, booleans, strings of UTF-8, byte slices, arrays, slices, other
// structs, and pointers, which stand for what may be absent. Every value has exactly
// one form, and no other is read. Nothing is allocated that the input does not pay for.
package codec

import (
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/redstuff-go/redstuff/internal/bcs"
)

// ErrMalformed is returned when bytes are not the form of any value of the type.
var ErrMalformed = errors.New("codec: malformed")

// Append appends the value, or that which v points to. It panics if the type is none that the package knows,
// which depends on no input.
func Append(dst []byte, v any) []byte { return appendValue(dst, reflect.Indirect(reflect.ValueOf(v))) }

// Marshal returns the value's form.
func Marshal(v any) []byte { return Append(nil, v) }

// Unmarshal reads what Append writes into the value that v points to, and nothing may be
// left. The error wraps ErrMalformed.
func Unmarshal(data []byte, v any) error {
	r := bcs.NewReader(data)
	readValue(r, reflect.ValueOf(v).Elem())
	if err := r.Done(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

func appendValue(dst []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case reflect.Uint8:
		return append(dst, byte(v.Uint()))
	case reflect.Uint16:
		return bcs.AppendU16(dst, uint16(v.Uint()))
	case reflect.Uint32:
		return bcs.AppendU32(dst, uint32(v.Uint()))
	case reflect.Uint64:
		return bcs.AppendU64(dst, v.Uint())
	case reflect.String:
		return bcs.AppendSlice(dst, []byte(v.String()))
	case reflect.Slice:
		dst = bcs.AppendLength(dst, v.Len())
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return append(dst, v.Bytes()...)
		}
		return appendElements(dst, v)
	case reflect.Array:
		if v.Type().Elem() == byteType {
			at := len(dst)
			dst = append(dst, make([]byte, v.Len())...)
			reflect.Copy(reflect.ValueOf(dst[at:]), v)
			return dst
		}
		return appendElements(dst, v)
	case reflect.Struct:
		for i := range v.NumField() {
			dst = appendValue(dst, v.Field(i))
		}
		return dst
	case reflect.Pointer:
		if v.IsNil() {
			return append(dst, 0)
		}
		return appendValue(append(dst, 1), v.Elem())
	}
	panic("codec: no form for " + v.Type().String())
}

var byteType = reflect.TypeFor[byte]()

// appendElements appends the elements of a slice or an array.
func appendElements(dst []byte, v reflect.Value) []byte {
	for i := range v.Len() {
		dst = appendValue(dst, v.Index(i))
	}
	return dst
}

// readValue reads into v. After a failure it reads nothing more: the reader keeps the
// first error.
func readValue(r *bcs.Reader, v reflect.Value) {
	name := v.Type().String()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.Variant(2, name) == 1)
	case reflect.Uint8:
		v.SetUint(uint64(r.U8(name)))
	case reflect.Uint16:
		v.SetUint(uint64(r.U16(name)))
	case reflect.Uint32:
		v.SetUint(uint64(r.U32(name)))
	case reflect.Uint64:
		v.SetUint(r.U64(name))
	case reflect.String:
		at := r.Offset()
		s := r.Slice(r.Remaining(), name)
		if !utf8.Valid(s) {
			r.Fail(at, name, errNotUTF8)
			return
		}
		v.SetString(string(s))
	case reflect.Slice:
		readSlice(r, v, name)
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			r.Fixed(v.Slice(0, v.Len()).Bytes(), name)
			return
		}
		for i := range v.Len() {
			readValue(r, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			readValue(r, v.Field(i))
		}
	case reflect.Pointer:
		v.SetZero()
		if r.Variant(2, name) == 1 && r.Err() == nil {
			v.Set(reflect.New(v.Type().Elem()))
			readValue(r, v.Elem())
		}
	default:
		panic("codec: no form for " + name)
	}
}

var errNotUTF8 = errors.New("not UTF-8")

// readSlice reads a slice. An empty one is read as nil. It grows as its elements come, of
// which each takes a byte of the input at least.
func readSlice(r *bcs.Reader, v reflect.Value, name string) {
	v.SetZero()
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if b := r.Slice(r.Remaining(), name); len(b) > 0 {
			v.SetBytes(append([]byte(nil), b...))
		}
		return
	}
	for range r.Length(r.Remaining(), name) {
		element := reflect.New(v.Type().Elem()).Elem()
		readValue(r, element)
		if r.Err() != nil {
			return
		}
		v.Set(reflect.Append(v, element))
	}
}
