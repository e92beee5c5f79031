package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// history is a log in memory; two of them may share a key and a beginning.
type history struct {
	signer note.Signer
	stored []tlog.Hash
	size   int64
}

// and is the same history with entries more.
func (h history) and(count int, told string) history {
	h.stored = slices.Clone(h.stored)
	for range count {
		hashes, err := tlog.StoredHashes(h.size, fmt.Appendf(nil, "%s %d", told, h.size), h.reader())
		if err != nil {
			panic(err) // all hashes are at hand
		}
		h.stored = append(h.stored, hashes...)
		h.size++
	}
	return h
}

func (h history) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, index := range indexes {
			hashes = append(hashes, h.stored[index])
		}
		return hashes, nil
	})
}

func (h history) checkpoint() ([]byte, error) {
	root, err := tlog.TreeHash(h.size, h.reader())
	if err != nil {
		return nil, err
	}
	text := torchwood.Checkpoint{Origin: h.signer.Name(), Tree: tlog.Tree{N: h.size, Hash: root}}.String()
	return note.Sign(&note.Note{Text: text}, h.signer)
}

// request asks to cosign this history from an old size on.
func (h history) request(old int64) ([]byte, []byte, error) {
	checkpoint, err := h.checkpoint()
	if err != nil {
		return nil, nil, err
	}
	var proof tlog.TreeProof
	if 0 < old && old < h.size {
		if proof, err = tlog.ProveTree(h.size, old, h.reader()); err != nil {
			return nil, nil, err
		}
	}
	return addCheckpoint(old, proof, checkpoint), checkpoint, nil
}

func addCheckpoint(old int64, proof tlog.TreeProof, checkpoint []byte) []byte {
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", old)
	for _, hash := range proof {
		fmt.Fprintln(&body, base64.StdEncoding.EncodeToString(hash[:]))
	}
	body.WriteByte('\n')
	body.Write(checkpoint)
	return body.Bytes()
}

func ask(url string, body []byte) (int, string, []byte, error) {
	response, err := http.Post(url+"/add-checkpoint", "text/plain", bytes.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header.Get("Content-Type"), answer, err
}

// cosigned is the checkpoint with what the witness answered; the witness's cosignature must verify.
func cosigned(checkpoint, answer []byte, verifier note.Verifier) ([]byte, error) {
	signed := slices.Concat(checkpoint, answer)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return nil, err
	}
	if at, err := torchwood.CosignatureTimestamp(opened.Sigs[0]); err != nil || at == 0 {
		return nil, fmt.Errorf("a cosignature of time %d: %w", at, err)
	}
	return signed, nil
}

func newLog(folder string) error {
	secret, vkey, err := note.GenerateKey(rand.Reader, "interop.example/log")
	if err != nil {
		return err
	}
	fmt.Println(vkey)
	return os.WriteFile(filepath.Join(folder, "log.key"), []byte(secret), 0o600)
}

// tryWitness shows a witness a log that grows, a second history of it, and an older state of it.
func tryWitness(folder, url, vkey string) error {
	secret, err := os.ReadFile(filepath.Join(folder, "log.key"))
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(string(secret))
	if err != nil {
		return err
	}
	verifier, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		return err
	}
	strangers, _, err := note.GenerateKey(rand.Reader, "interop.example/another-log")
	if err != nil {
		return err
	}
	stranger, err := note.NewSigner(strangers)
	if err != nil {
		return err
	}
	impostors, _, err := note.GenerateKey(rand.Reader, signer.Name())
	if err != nil {
		return err
	}
	impostor, err := note.NewSigner(impostors)
	if err != nil {
		return err
	}

	common := history{signer: signer}.and(300, "common")
	one, other := common.and(300, "one"), common.and(300, "other")
	older := history{signer: signer}.and(100, "common")
	another := history{signer: stranger}.and(3, "entry")
	forged := common
	forged.signer = impostor
	steps := []struct {
		what   string
		shown  history
		old    int64
		status int
	}{
		{"a log's first checkpoint", older, 0, 200},
		{"its growth", common, 100, 200},
		{"the same again", common, 300, 200},
		{"another log", another, 0, 404},
		{"another key of that name", forged, 300, 403},
		{"growth from where it no longer is", one, 100, 409},
		{"growth over two tiles", one, 300, 200},
		{"another history of that size", other, 600, 422},
		{"another history, grown", other.and(1, "more"), 600, 422},
		{"another history from nothing", other.and(1, "more"), 0, 409},
		{"an older state", common, 300, 409},
		{"an older state, as if newer", common, 600, 400},
		{"the first history again", one.and(1, "more"), 600, 200},
	}
	for _, step := range steps {
		body, checkpoint, err := step.shown.request(step.old)
		if err != nil {
			return err
		}
		status, kind, answer, err := ask(url, body)
		if err != nil {
			return err
		}
		if status != step.status {
			return fmt.Errorf("%s: %d where the standard says %d: %s", step.what, status, step.status, answer)
		}
		if status == http.StatusOK {
			if _, err := cosigned(checkpoint, answer, verifier); err != nil {
				return fmt.Errorf("%s: %w", step.what, err)
			}
		}
		if status == http.StatusConflict && (kind != "text/x.tlog.size" || !bytes.HasSuffix(answer, []byte("00\n"))) {
			return fmt.Errorf("%s: the answer is %q of type %q", step.what, answer, kind)
		}
	}
	fmt.Printf("torchwood and sumdb: %s answers %d requests as the standard says\n", verifier.Name(), len(steps))
	return nil
}

// cosign shows a witness a kept demo's log as it grew, by the checkpoints of its receipts, and copies the log with the
// witness's cosignature on its checkpoint.
func cosign(kept, url, vkey, copy string) error {
	log := filepath.Join(kept, "log")
	verifier, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		return err
	}
	newest, signed, err := checkpointOf(log)
	if err != nil {
		return err
	}
	shown := map[int64][]byte{newest.N: signed}
	proofs, err := filepath.Glob(filepath.Join(kept, "receipts", "*.tlog-proof"))
	if err != nil {
		return err
	}
	for _, path := range proofs {
		proof, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, signed, found := strings.Cut(string(proof), "\n\n")
		if !found {
			return fmt.Errorf("%s holds no checkpoint", path)
		}
		text, _, _ := strings.Cut(signed, "\n\n")
		checkpoint, err := torchwood.ParseCheckpoint(text + "\n")
		if err != nil {
			return err
		}
		shown[checkpoint.N] = []byte(signed)
	}
	var sizes []int64
	for size := range shown {
		sizes = append(sizes, size)
	}
	slices.Sort(sizes)
	reader := tlog.TileHashReader(newest.Tree, tiles{log})
	var old int64
	var last []byte
	for _, size := range sizes {
		var proof tlog.TreeProof
		if old > 0 {
			if proof, err = tlog.ProveTree(size, old, reader); err != nil {
				return err
			}
		}
		status, _, answer, err := ask(url, addCheckpoint(old, proof, shown[size]))
		if err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("from %d to %d: %d %s", old, size, status, answer)
		}
		if last, err = cosigned(shown[size], answer, verifier); err != nil {
			return err
		}
		old = size
	}
	if err := os.CopyFS(copy, os.DirFS(log)); err != nil {
		return err
	}
	fmt.Printf("%s: cosigned %d checkpoints of the hub\n", verifier.Name(), len(sizes))
	return os.WriteFile(filepath.Join(copy, "checkpoint"), last, 0o600)
}

// published waits until a hub serves a checkpoint that meets a policy.
func published(url, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return err
	}
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(100 * time.Millisecond) {
		var checkpoint torchwood.Checkpoint
		if checkpoint, err = fetched(url, policy); err == nil {
			fmt.Printf("torchwood: the hub publishes a checkpoint of size %d that meets the policy\n", checkpoint.N)
			return nil
		}
	}
	return err
}

func fetched(url string, policy torchwood.Policy) (torchwood.Checkpoint, error) {
	response, err := http.Get(url + "/checkpoint")
	if err != nil {
		return torchwood.Checkpoint{}, err
	}
	defer response.Body.Close()
	signed, err := io.ReadAll(response.Body)
	if err != nil {
		return torchwood.Checkpoint{}, err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	return checkpoint, err
}

// checkPolicy verifies a copy's checkpoint under a policy file, and sees it rejected where cosignatures are taken away.
func checkPolicy(folder, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	if _, _, err := torchwood.VerifyCheckpoint(signed, policy); err != nil {
		return err
	}
	head, lines, _ := strings.Cut(string(signed), "\n\n")
	log, _, _ := strings.Cut(lines, "\n")
	if _, _, err := torchwood.VerifyCheckpoint([]byte(head+"\n\n"+log+"\n"), policy); err == nil {
		return errors.New("the policy needs no witness")
	}
	fmt.Println("torchwood: the cosigned checkpoint meets the policy, and without its cosignatures it does not")
	return nil
}
