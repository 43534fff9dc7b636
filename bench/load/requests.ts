/** Requests as the generator sends them: whole, as text. */

export function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: upnext\r\n\r\n`;
}

export function post(path: string, body: string): string {
  const length = Buffer.byteLength(body);
  return `POST ${path} HTTP/1.1\r\nhost: upnext\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`;
}
