package rpc

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// fieldsOf spells out a struct for people as a JSON object: its fields in their order, in
// snake_case; ids as they are written everywhere, and other bytes in hexadecimal.
func fieldsOf(v reflect.Value) (json.RawMessage, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i := range v.NumField() {
		if i > 0 {
			out.WriteByte(',')
		}
		value, err := spellOut(v.Field(i))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%q:%s", snakeCase(v.Type().Field(i).Name), value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func spellOut(v reflect.Value) ([]byte, error) {
	switch x := v.Interface().(type) {
	case encoding.TextMarshaler:
		return json.Marshal(x)
	case fmt.Stringer:
		return json.Marshal(x.String())
	}
	switch {
	case v.Kind() == reflect.Struct:
		return fieldsOf(v)
	case v.Kind() == reflect.Array && v.Type().Elem().Kind() == reflect.Uint8:
		data := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(data), v)
		return json.Marshal(hex.EncodeToString(data))
	}
	return json.Marshal(v.Interface())
}

// snakeCase writes the name of a Go field as JSON has it: EndEpoch is end_epoch, and BlobID
// blob_id.
func snakeCase(name string) string {
	var out strings.Builder
	letters := []rune(name)
	for i, c := range letters {
		begins := i > 0 && unicode.IsUpper(c) && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if begins {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(c))
	}
	return out.String()
}
