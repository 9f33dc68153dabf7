// A folder of models as Ollama keeps it, large and made in a moment: the files are holes but for their first bytes, and
// cost what others cost to read and to hash.
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const PIECE = 1 << 20;

/** Hashing it also brings it into memory, where both that are measured find it. */
function hashFile(file) {
  const buffer = Buffer.allocUnsafeSlow(PIECE);
  const hash = createHash('sha256');
  const handle = openSync(file, 'r');
  for (let length; (length = readSync(handle, buffer, 0, PIECE, null)) > 0;) {
    hash.update(buffer.subarray(0, length));
  }
  closeSync(handle);
  return hash.digest('hex');
}

/** Writes a blob of so many bytes; what a manifest says of it. */
function writeBlob(blobs, mediaType, start, size = start.length) {
  const draft = path.join(blobs, 'draft');
  writeFileSync(draft, start);
  const handle = openSync(draft, 'r+');
  ftruncateSync(handle, size);
  closeSync(handle);
  const hex = hashFile(draft);
  renameSync(draft, path.join(blobs, `sha256-${hex}`));
  return { mediaType, digest: `sha256:${hex}`, size };
}

/** Makes one model for each of the sizes, in bytes. */
export function makeModels(folder, sizes) {
  const blobs = path.join(folder, 'blobs');
  mkdirSync(blobs, { recursive: true });
  for (const [n, size] of sizes.entries()) {
    const weights = writeBlob(blobs, 'application/vnd.ollama.image.model', `GGUF ${n}`, size);
    const about = { model_format: 'gguf', model_family: 'llama', model_type: '7B', file_type: 'Q4_0' };
    const config = writeBlob(
      blobs,
      'application/vnd.docker.container.image.v1+json',
      JSON.stringify({ ...about, rootfs: { type: 'layers', diff_ids: [weights.digest] } }),
    );
    const model = path.join(folder, 'manifests', 'registry.ollama.ai', 'library', `model-${n}`);
    mkdirSync(model, { recursive: true });
    const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [weights] };
    writeFileSync(path.join(model, '7b'), JSON.stringify(manifest));
  }
}
