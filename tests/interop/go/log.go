package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/torchwood"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkLog verifies the log and the receipts of a kept demo, and sees every tampered copy rejected by each tool.
func checkLog(kept string) error {
	log := filepath.Join(kept, "log")
	// A longer tile begins with the same hashes or entries: fsck reads no further than it needs, and to it nothing is wrong.
	tools := []struct {
		name      string
		verify    func(string) error
		tolerated string
	}{{"sumdb note and tlog", verifyBySumdb, ""}, {"Tessera fsck", verifyByFsck, appended}}
	for _, tool := range tools {
		if err := tool.verify(log); err != nil {
			return fmt.Errorf("%s: %w", tool.name, err)
		}
		rejected, err := rejectTampered(log, tool.verify, tool.tolerated)
		if err != nil {
			return fmt.Errorf("%s: %w", tool.name, err)
		}
		fmt.Printf("%s: 1 log, %d tampered copies rejected\n", tool.name, rejected)
	}
	return checkReceipts(kept)
}

// checkpointOf opens a folder's checkpoint under its own vkey.
func checkpointOf(folder string) (torchwood.Checkpoint, []byte, error) {
	var none torchwood.Checkpoint
	vkey, err := os.ReadFile(filepath.Join(folder, "log.vkey"))
	if err != nil {
		return none, nil, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		return none, nil, err
	}
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return none, nil, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return none, nil, err
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return none, nil, err
	}
	if checkpoint.Origin != verifier.Name() {
		return none, nil, fmt.Errorf("origin %q under the key of %q", checkpoint.Origin, verifier.Name())
	}
	return checkpoint, signed, nil
}

// tiles reads the tiles of a folder for package tlog.
type tiles struct{ folder string }

func (tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		// The checksum database's paths name the height, those of tlog-tiles do not.
		data, err := os.ReadFile(filepath.Join(t.folder, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// entriesOf reads all entries of a folder.
func entriesOf(folder string, size int64) ([][]byte, error) {
	var entries [][]byte
	for first := int64(0); first < size; first += 256 {
		tile := tlog.Tile{H: 8, L: -1, N: first / 256, W: int(min(256, size-first))}
		path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
		rest, err := os.ReadFile(filepath.Join(folder, path))
		if err != nil {
			return nil, err
		}
		for range tile.W {
			var entry []byte
			if entry, rest, err = torchwood.ReadTileEntry(rest); err != nil {
				return nil, err
			}
			entries = append(entries, entry)
		}
		if len(rest) > 0 {
			return nil, fmt.Errorf("%s is too long", path)
		}
	}
	return entries, nil
}

// verifyBySumdb verifies the checkpoint's signature, every tile on the way from it to every entry, and the root over the
// entries alone.
func verifyBySumdb(folder string) error {
	checkpoint, _, err := checkpointOf(folder)
	if err != nil {
		return err
	}
	entries, err := entriesOf(folder, checkpoint.N)
	if err != nil {
		return err
	}
	proven := tlog.TileHashReader(checkpoint.Tree, tiles{folder})
	var stored []tlog.Hash
	own := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, index := range indexes {
			hashes = append(hashes, stored[index])
		}
		return hashes, nil
	})
	for index, entry := range entries {
		proof, err := tlog.ProveRecord(checkpoint.N, int64(index), proven)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, checkpoint.N, checkpoint.Hash, int64(index), tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		hashes, err := tlog.StoredHashes(int64(index), entry, own)
		if err != nil {
			return err
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(checkpoint.N, own)
	if err != nil {
		return err
	}
	if root != checkpoint.Hash {
		return fmt.Errorf("the entries have the root %v, the checkpoint says %v", root, checkpoint.Hash)
	}
	return nil
}

// verifyByFsck has Tessera derive every tile from the entries and compare it.
func verifyByFsck(folder string) error {
	vkey, err := os.ReadFile(filepath.Join(folder, "log.vkey"))
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		return err
	}
	hasher := func(bundle []byte) ([][]byte, error) {
		var entries api.EntryBundle
		if err := entries.UnmarshalText(bundle); err != nil {
			return nil, err
		}
		var hashes [][]byte
		for _, entry := range entries.Entries {
			hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
		}
		return hashes, nil
	}
	// With fewer workers it can wait for itself on a corrupted log.
	check := fsck.New(verifier.Name(), verifier, &client.FileFetcher{Root: folder}, hasher, fsck.Opts{N: 8})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- check.Check(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.New("no answer within 30 s")
	}
}

// appended is the change that only the length of a tile tells.
const appended = "something appended"

// rejectTampered verifies copies of a folder in which one file was changed, cut, lengthened or removed. One change may be
// tolerated in tiles.
func rejectTampered(folder string, verify func(string) error, tolerated string) (int, error) {
	changes := map[string]func([]byte) []byte{
		"a bit flipped in the middle": func(data []byte) []byte {
			data[len(data)/2] ^= 1
			return data
		},
		"the last byte cut off":  func(data []byte) []byte { return data[:len(data)-1] },
		"the first byte cut off": func(data []byte) []byte { return data[1:] },
		"something appended":     func(data []byte) []byte { return append(data, data...) },
		"the file removed":       func([]byte) []byte { return nil },
		"its first half put last": func(data []byte) []byte {
			half := len(data) / 2
			return append(append([]byte{}, data[half:]...), data[:half]...)
		},
	}
	rejected := 0
	err := filepath.WalkDir(folder, func(path string, found fs.DirEntry, err error) error {
		if err != nil || found.IsDir() || found.Name() == "log.vkey" {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		for what, change := range changes {
			if what == tolerated && strings.HasPrefix(name, "tile/") {
				continue
			}
			err := inCopy(folder, name, change, func(copy string) error {
				if verify(copy) == nil {
					return fmt.Errorf("a copy was accepted with %s: %s", name, what)
				}
				return nil
			})
			if err != nil {
				return err
			}
			rejected++
		}
		return nil
	})
	if err == nil && rejected == 0 {
		err = errors.New("there was nothing to tamper with")
	}
	return rejected, err
}

// inCopy does something with a copy of a folder in which one file is changed; where nothing is left of it, it is removed.
func inCopy(folder, name string, change func([]byte) []byte, do func(string) error) error {
	copy, err := os.MkdirTemp("", "interop")
	if err != nil {
		return err
	}
	defer os.RemoveAll(copy)
	if err := os.CopyFS(copy, os.DirFS(folder)); err != nil {
		return err
	}
	path := filepath.Join(copy, name)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if data = change(data); data == nil {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return err
	}
	return do(copy)
}

// checkReceipts verifies each receipt as a C2SP tlog-proof under a policy that needs only the log, and sees that it proves
// nothing else.
func checkReceipts(kept string) error {
	vkey, err := os.ReadFile(filepath.Join(kept, "log", "log.vkey"))
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy([]byte("log " + strings.TrimSpace(string(vkey)) + "\nquorum none\n"))
	if err != nil {
		return err
	}
	proofs, err := filepath.Glob(filepath.Join(kept, "receipts", "*.tlog-proof"))
	if err != nil || len(proofs) == 0 {
		return fmt.Errorf("no receipts: %w", err)
	}
	for _, path := range proofs {
		proof, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		entry, err := os.ReadFile(strings.TrimSuffix(path, ".tlog-proof") + ".entry")
		if err != nil {
			return err
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), proof); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		entry[len(entry)/2] ^= 1
		if torchwood.VerifyProof(policy, tlog.RecordHash(entry), proof) == nil {
			return fmt.Errorf("%s proves another entry", path)
		}
	}
	fmt.Printf("torchwood: %d receipts, as many of another entry rejected\n", len(proofs))
	return nil
}
