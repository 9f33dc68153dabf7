/** The most bytes of one answer over HTTP; a stream of events may run as long as the program. */
const MOST_BYTES = 64e6;

/** The same answer, whose body fails once it is larger than what is put up with. */
export function limitBody(response: Response, most = MOST_BYTES): Response {
  if (response.body === null) return response;
  let total = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        total += chunk.byteLength;
        if (total > most)
          controller.error(new Error(`The server sent more than ${most} bytes in one answer.`));
        else controller.enqueue(chunk);
      },
    }),
  );
  const { status, statusText, headers } = response;
  return new Response(counted, { status, statusText, headers });
}
