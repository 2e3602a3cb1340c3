package main

import (
	"go/ast"
	"go/types"
	"testing"
)

// secrets are the types that a secret key can be read from.
var secrets = map[string]bool{
	"*identity.Key": true, "identity.Key": true,
	"*committee.SecretKey": true, "committee.SecretKey": true,
	"ed25519.PrivateKey": true,
}

// TestExportedFieldsHoldNoSecret looks for exported fields of structs from which anybody
// who gets hold of the struct, such as a log, could read a secret key.
func TestExportedFieldsHoldNoSecret(t *testing.T) {
	structs := 0
	sources(t, func(_, path string, _ []byte, file *ast.File) {
		if isTest(path) {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			s, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			structs++
			for _, f := range s.Fields.List {
				of := types.ExprString(f.Type)
				for _, name := range f.Names {
					if secrets[of] && name.IsExported() {
						t.Errorf("%s: %s.%s is exported, and a secret: %s", path, spec.Name, name, of)
					}
				}
				if len(f.Names) == 0 && secrets[of] {
					t.Errorf("%s: %s embeds a secret: %s", path, spec.Name, of)
				}
			}
			return true
		})
	})
	if structs < 100 {
		t.Errorf("%d structs were looked at", structs)
	}
}
