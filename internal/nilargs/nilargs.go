// Package nilargs is for tests that a package bears nil: that each exported function says
// what was nil, rather than to fall over it.
package nilargs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// Call is a call that works.
type Call struct {
	Name string // Func, or Type.Method
	Func any    // the function, or a method value
	Args []any  // of variadic ones too, at least one
	Fine []int  // the arguments that may be nil: pointers, interfaces and functions
}

// Check makes each call as it is, and then with one argument after the other nil. Nil
// pointers, interfaces and functions must give an error, or from functions without one
// a panic, that says so, unless they are fine. Nil slices may be what the function makes
// of an empty one, an error or a panic with a message. Check fails if a function or method
// that the package in the directory exports takes arguments and is in none of the calls.
func Check(t *testing.T, dir string, calls []Call) {
	t.Helper()
	covered := map[string]bool{}
	for _, c := range calls {
		covered[c.Name] = true
		t.Run(c.Name, func(t *testing.T) { c.check(t) })
	}
	for _, name := range exported(t, dir) {
		if !covered[name] {
			t.Errorf("%s takes arguments, and is not tested with nil", name)
		}
	}
}

func (c Call) check(t *testing.T) {
	f := reflect.ValueOf(c.Func)
	args := make([]reflect.Value, len(c.Args))
	for i, arg := range c.Args {
		if args[i] = reflect.ValueOf(arg); !args[i].IsValid() {
			args[i] = reflect.Zero(parameter(f.Type(), i))
		}
	}
	if panicked, _ := run(f, args); panicked != nil {
		t.Fatalf("the call as it is panics: %v", panicked)
	}
	for i := range args {
		typ := parameter(f.Type(), i)
		switch typ.Kind() {
		case reflect.Pointer, reflect.Interface, reflect.Func, reflect.Slice:
		default:
			continue
		}
		with := append([]reflect.Value(nil), args...)
		with[i] = reflect.Zero(typ)
		panicked, err := run(f, with)
		what := fmt.Sprintf("argument %d, a nil %v", i, typ)
		if _, ok := panicked.(runtime.Error); ok {
			t.Errorf("%s: the function falls over it: %v", what, panicked)
			continue
		}
		said := fmt.Sprint(panicked, err)
		switch {
		case typ.Kind() == reflect.Slice:
		case c.fine(i):
			if panicked != nil || err != nil {
				t.Errorf("%s, is fine, but: panic %v, error %v", what, panicked, err)
			}
		case panicked == nil && err == nil:
			t.Errorf("%s: nobody says so", what)
		case panicked != nil && hasError(f.Type()):
			t.Errorf("%s: a panic of a function that could return an error: %v", what, panicked)
		case !strings.Contains(said, "nil "):
			t.Errorf("%s: the message does not say what was nil: %s", what, said)
		}
	}
}

func (c Call) fine(i int) bool {
	for _, at := range c.Fine {
		if at == i {
			return true
		}
	}
	return false
}

// parameter returns the type of argument i.
func parameter(f reflect.Type, i int) reflect.Type {
	if f.IsVariadic() && i >= f.NumIn()-1 {
		return f.In(f.NumIn() - 1).Elem()
	}
	return f.In(i)
}

var errorType = reflect.TypeFor[error]()

func hasError(f reflect.Type) bool {
	return f.NumOut() > 0 && f.Out(f.NumOut()-1) == errorType
}

func run(f reflect.Value, args []reflect.Value) (panicked any, err error) {
	defer func() { panicked = recover() }()
	results := f.Call(args)
	if hasError(f.Type()) {
		err, _ = results[len(results)-1].Interface().(error)
	}
	return nil, err
}

// exported lists the functions and methods with arguments that a package exports. Those of
// interfaces are not its own.
func exported(t *testing.T, dir string) (names []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no package in %s: %v", dir, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || len(f.Type.Params.List) == 0 {
				continue
			}
			if f.Recv == nil {
				names = append(names, f.Name.Name)
				continue
			}
			of := f.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			if id, ok := of.(*ast.Ident); ok && id.IsExported() {
				names = append(names, id.Name+"."+f.Name.Name)
			}
		}
	}
	return names
}
