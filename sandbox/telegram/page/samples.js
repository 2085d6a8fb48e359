// Something to attach for who has nothing at hand: a picture of a letter, and a PDF of one page.

const LINES = [0.9, 0.8, 0.95, 0.7, 0.9, 0.85, 0.5];

/** Draw a letter and return it as a JPEG. */
export async function samplePhoto() {
  const canvas = new OffscreenCanvas(600, 800);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#dcd6c8";
  pen.fillRect(0, 0, 600, 800);
  pen.rotate(-0.03);
  pen.fillStyle = "#fffdf7";
  pen.fillRect(60, 70, 500, 690);
  pen.fillStyle = "#333";
  pen.font = "30px serif";
  pen.fillText("Sample letter · Образец", 110, 150);
  pen.fillStyle = "#888";
  LINES.forEach((share, index) => pen.fillRect(110, 210 + index * 50, 400 * share, 10));
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
  return new File([blob], "letter.jpg", { type: "image/jpeg" });
}

/** Write a PDF of one page. */
export function samplePdf() {
  const text = "BT /F1 24 Tf 72 720 Td (Sample letter) Tj ET";
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let body = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  const table = `xref\n0 6\n0000000000 65535 f \n${offsets.join("")}`;
  const end = `trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
  return new File([body + table + end], "letter.pdf", { type: "application/pdf" });
}
