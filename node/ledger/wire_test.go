package ledger

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

var update = flag.Bool("update", false, "write golden files anew")

// numbered fills a value with numbers, each of which is there once.
func numbered(v reflect.Value, next *uint64) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		*next++
		v.SetUint(*next)
	case reflect.String:
		*next++
		v.SetString(fmt.Sprint("text ", *next))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		numbered(v.Index(0), next)
	case reflect.Array:
		*next++
		v.Index(0).Set(reflect.ValueOf(byte(*next)).Convert(v.Type().Elem()))
	case reflect.Struct:
		for i := range v.NumField() {
			numbered(v.Field(i), next)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		numbered(v.Elem(), next)
	default:
		panic("no number for " + v.Type().String())
	}
}

// TestWire: events and actions are these bytes, which logs and other programs have.
func TestWire(t *testing.T) {
	var out bytes.Buffer
	fill := func(kind reflect.Type) reflect.Value {
		v, next := reflect.New(kind), uint64(0)
		numbered(v.Elem(), &next)
		return v.Elem()
	}
	for i, kind := range events {
		e := fill(kind).Interface().(Event)
		data := MarshalEvent(e)
		if got, err := ParseEvent(data); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%v: read as %+v, %v; want %+v", kind, got, err, e)
		}
		fmt.Fprintf(&out, "event %d %s %s\n", i, kind.Name(), hex.EncodeToString(data))
	}
	for i, kind := range actions {
		fmt.Fprintf(&out, "action %d %s %s\n", i, kind.Name(), hex.EncodeToString(codec.Marshal(fill(kind).Interface())))
	}
	const file = "testdata/wire.txt"
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := bytes.Split(out.Bytes(), []byte("\n"))
	for i, line := range bytes.Split(want, []byte("\n")) {
		if i >= len(got) || !bytes.Equal(got[i], line) {
			t.Fatalf("line %d of %s: %q, and it is %q", i+1, file, line, got[min(i, len(got)-1)])
		}
	}
	if len(got) > bytes.Count(want, []byte("\n"))+1 {
		t.Errorf("%s lacks %q", file, got[bytes.Count(want, []byte("\n"))])
	}
}
